#include "loaders/printable.h"

#include <array>
#include <cstddef>

namespace bertq::loaders {
namespace {

constexpr std::size_t longest = 120;

bool is_continuation(unsigned char byte) {
  return (byte & 0xC0U) == 0x80U;
}

// Bytes of the printable character that `text` begins with; 0 if it begins with a control
// character (C0, DEL, C1) or with something that is not UTF-8.
std::size_t printable_bytes(std::string_view text) {
  struct Lead {
    unsigned char mask, value;
    std::size_t length;
  };
  constexpr std::array<Lead, 3> leads{{{0xE0, 0xC0, 2}, {0xF0, 0xE0, 3}, {0xF8, 0xF0, 4}}};
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80U) return first >= 0x20U && first != 0x7FU ? 1 : 0;
  for (const Lead& lead : leads) {
    if ((first & lead.mask) != lead.value || text.size() < lead.length) continue;
    for (std::size_t i = 1; i < lead.length; ++i) {
      if (!is_continuation(static_cast<unsigned char>(text[i]))) return 0;
    }
    const bool c1_control = first == 0xC2U && static_cast<unsigned char>(text[1]) < 0xA0U;
    return c1_control ? 0 : lead.length;
  }
  return 0;
}

}  // namespace

std::string printable(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  while (!text.empty()) {
    if (out.size() >= longest) return out + "...";
    std::size_t taken = printable_bytes(text);
    if (taken == 0) {
      const auto byte = static_cast<unsigned char>(text.front());
      out += "\\x";
      out += digits[byte >> 4U];
      out += digits[byte & 0xFU];
      taken = 1;
    } else {
      if (text.front() == '\\') out += '\\';
      out += text.substr(0, taken);
    }
    text.remove_prefix(taken);
  }
  return out;
}

}  // namespace bertq::loaders
