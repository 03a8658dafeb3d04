// UTF-8, one code point at a time. Well-formed means what Unicode says: no overlong forms, no
// surrogates, nothing past U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bertq::tokenizer {

constexpr bool is_ascii(char byte) {
  return static_cast<unsigned char>(byte) < 0x80;
}

// A code point and the bytes it took; `length` 0 where the bytes are not UTF-8.
struct Decoded {
  char32_t code_point = 0;
  std::uint32_t length = 0;
};

// Decodes the code point that starts at text[at]; `at` must be less than text.size().
Decoded decode_utf8(std::string_view text, std::size_t at);

// Decodes the code point that ends just before text[end]; `text` must be UTF-8, `end` at least 1.
Decoded decode_utf8_before(std::string_view text, std::size_t end);

void append_utf8(std::string& out, char32_t code_point);

// The offset of the first byte that is not part of a code point; none if all is UTF-8.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

// Code points in `text`, which must be UTF-8.
std::size_t count_code_points(std::string_view text);

}  // namespace bertq::tokenizer
