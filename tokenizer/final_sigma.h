// Whether a capital sigma ends a word and so becomes ς: the one case in which Python's str.lower()
// looks around. Only google's profile asks; `tokenizers` lower-cases letter by letter.
#pragma once

#include <cstddef>
#include <string_view>

#include "tokenizer/code_points.h"

namespace bertq::tokenizer {

// `text` is what is normalised (UTF-8 up to `end`, checked after), [begin, end) the sigma in it. A
// word ends where white space or an ideograph is; what cleaning drops is looked through.
bool is_final_sigma(std::string_view text, std::size_t begin, std::size_t end, Profile profile);

}  // namespace bertq::tokenizer
