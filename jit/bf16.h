// The numbers of BF16: the upper half of an f32, with its exponent and 8 bits of its precision.
//
// Rounding is to nearest, ties to even, as vcvtneps2bf16 does it: denormal numbers become zeros of
// their sign whatever MXCSR says, what is larger than any bf16 becomes infinite, and a NaN stays
// one.
#pragma once

#include <bit>
#include <cstdint>

namespace bertq::jit {

inline std::uint16_t to_bf16(float x) {
  constexpr std::uint32_t least_normal = 0x00800000U, infinite = 0x7f800000U, quiet = 0x00400000U;
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude < least_normal) return static_cast<std::uint16_t>(bits >> 16U & 0x8000U);
  if (magnitude > infinite) return static_cast<std::uint16_t>((bits | quiet) >> 16U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + (bits >> 16U & 1U)) >> 16U);
}

inline float from_bf16(std::uint16_t x) {
  return std::bit_cast<float>(std::uint32_t{x} << 16U);
}

}  // namespace bertq::jit
