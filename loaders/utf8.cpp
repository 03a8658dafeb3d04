#include "loaders/utf8.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace bertq::loaders {
namespace {

// The well-formed sequences of two bytes and more, Unicode's table 3-7: lead bytes, the range of
// the byte behind, and the length. All further bytes are 80..BF.
struct Sequence {
  unsigned char first_lead, last_lead, lowest, highest;
  std::size_t length;
};
constexpr std::array<Sequence, 8> sequences{{
    {0xC2, 0xDF, 0x80, 0xBF, 2},
    {0xE0, 0xE0, 0xA0, 0xBF, 3},
    {0xE1, 0xEC, 0x80, 0xBF, 3},
    {0xED, 0xED, 0x80, 0x9F, 3},
    {0xEE, 0xEF, 0x80, 0xBF, 3},
    {0xF0, 0xF0, 0x90, 0xBF, 4},
    {0xF1, 0xF3, 0x80, 0xBF, 4},
    {0xF4, 0xF4, 0x80, 0x8F, 4},
}};

std::size_t sequence_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80U) return 1;
  const auto row = std::find_if(sequences.begin(), sequences.end(), [&](const Sequence& known) {
    return known.first_lead <= byte(0) && byte(0) <= known.last_lead;
  });
  if (row == sequences.end() || text.size() < row->length) return 0;
  if (byte(1) < row->lowest || byte(1) > row->highest) return 0;
  for (std::size_t i = 2; i < row->length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  return row->length;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t taken = sequence_bytes(text);
    if (taken == 0) return false;
    text.remove_prefix(taken);
  }
  return true;
}

}  // namespace bertq::loaders
