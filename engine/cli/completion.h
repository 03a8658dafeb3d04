// Scripts that let a shell complete bertq's verbs, flags, choices and files, written from the
// tables of verbs and options.
#pragma once

#include <string>
#include <string_view>

namespace bertq::engine::cli {

// `shell` is bash, zsh or fish (anything else is a defect: std::logic_error). The bash script needs
// nothing but bash 4; zsh's is for a folder of $fpath, under the name _bertq.
std::string completion_script(std::string_view shell);

}  // namespace bertq::engine::cli
