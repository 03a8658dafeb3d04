#include "tokenizer/utf8.h"

namespace bertq::tokenizer {
namespace {

constexpr bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// Length and payload of a lead byte, and the least code point that may be written that long.
struct Lead {
  std::uint32_t length;
  char32_t payload;
  char32_t least;
};

Lead read_lead(unsigned char byte) {
  if (byte < 0x80) return {1, byte, 0};
  if (byte < 0xC0) return {0, 0, 0};
  if (byte < 0xE0) return {2, char32_t{byte} & 0x1F, 0x80};
  if (byte < 0xF0) return {3, char32_t{byte} & 0x0F, 0x800};
  if (byte < 0xF8) return {4, char32_t{byte} & 0x07, 0x10000};
  return {0, 0, 0};
}

}  // namespace

Decoded decode_utf8(std::string_view text, std::size_t at) {
  const Lead lead = read_lead(static_cast<unsigned char>(text[at]));
  if (lead.length == 0 || lead.length > text.size() - at) return {};
  char32_t code_point = lead.payload;
  for (std::size_t i = 1; i < lead.length; ++i) {
    if (!is_continuation(text[at + i])) return {};
    code_point = code_point << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3F);
  }
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  if (code_point < lead.least || code_point > 0x10FFFF || surrogate) return {};
  return {code_point, lead.length};
}

Decoded decode_utf8_before(std::string_view text, std::size_t end) {
  std::size_t at = end - 1;
  while (at > 0 && is_continuation(text[at])) --at;
  return decode_utf8(text, at);
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto byte = [](char32_t bits) { return static_cast<char>(bits); };
  const auto tail = [&](int shift) { return byte(0x80 | (code_point >> shift & 0x3F)); };
  if (code_point < 0x80) {
    out += byte(code_point);
  } else if (code_point < 0x800) {
    out += {byte(0xC0 | code_point >> 6), tail(0)};
  } else if (code_point < 0x10000) {
    out += {byte(0xE0 | code_point >> 12), tail(6), tail(0)};
  } else {
    out += {byte(0xF0 | code_point >> 18), tail(12), tail(6), tail(0)};
  }
}

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Decoded decoded = decode_utf8(text, at);
    if (decoded.length == 0) return at;
    at += decoded.length;
  }
  return std::nullopt;
}

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char byte : text) count += is_continuation(byte) ? 0U : 1U;
  return count;
}

}  // namespace bertq::tokenizer
