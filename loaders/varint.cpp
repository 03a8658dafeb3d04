#include "loaders/varint.h"

#include <algorithm>

namespace bertq::loaders {

std::optional<std::uint64_t> take_varint(std::span<const std::byte>& bytes) {
  constexpr std::size_t longest = 10;
  constexpr std::size_t last_shift = 63;  // only one bit is left for the tenth byte
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < std::min(bytes.size(), longest); ++i) {
    const auto byte = std::to_integer<std::uint64_t>(bytes[i]);
    const std::uint64_t bits = byte & 0x7fU;
    const std::size_t shift = 7 * i;
    if (shift == last_shift && bits > 1) return std::nullopt;
    value |= bits << shift;
    if (byte < 0x80U) {
      bytes = bytes.subspan(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

}  // namespace bertq::loaders
