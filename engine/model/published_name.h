// What the names of google-research's published checkpoints tell and no file in them does.
#pragma once

#include <string_view>

namespace bertq::engine {

// Whether a folder or archive has the name of a cased model ("cased_L-12_H-768_A-12"): its
// vocabulary is, and its text must not be lower-cased. `place` ends in that name; slashes and
// colons behind it do not count.
//
// Source: validate_case_matches_checkpoint in google-research/bert tokenization.py.
bool is_published_cased(std::string_view place);

}  // namespace bertq::engine
