// Text as Python's `str` and `re` see it, for what the field defines by Python code: the SQuAD
// evaluation above all.
#pragma once

#include <string>
#include <string_view>

namespace bertq::tokenizer {

// str.lower(): full lower case, with the final sigma. `text` must be UTF-8.
std::string python_lower(std::string_view text);

// str.isspace() of one code point: where str.split() divides.
bool is_python_space(char32_t code_point);

// \w of `re`: letters, numbers of any kind and the underscore, but no combining marks.
bool is_python_word(char32_t code_point);

// " ".join(text.split()). `text` must be UTF-8.
std::string collapse_python_spaces(std::string_view text);

}  // namespace bertq::tokenizer
