// Floats of all formats to f32. Every value of the narrower formats is an f32, so these conversions
// are exact; only f64 is rounded, to nearest, ties to even.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "loaders/dtype.h"

namespace bertq::loaders {

// A float of `exponent_bits` and `mantissa_bits` below a sign, with IEEE 754's bias, as f32 bits.
// Not by arithmetic on subnormals: that would depend on the caller's floating-point mode.
template <unsigned exponent_bits, unsigned mantissa_bits>
constexpr std::uint32_t widened_bits(std::uint32_t bits) {
  constexpr std::uint32_t exponent_mask = (1U << exponent_bits) - 1U;
  constexpr std::uint32_t mantissa_mask = (1U << mantissa_bits) - 1U;
  constexpr std::uint32_t bias = exponent_mask >> 1U;
  constexpr unsigned shift = 23U - mantissa_bits;
  const std::uint32_t sign = (bits >> (exponent_bits + mantissa_bits)) << 31U;
  const std::uint32_t exponent = (bits >> mantissa_bits) & exponent_mask;
  const std::uint32_t mantissa = bits & mantissa_mask;
  if (exponent == exponent_mask) return sign | 0x7F800000U | (mantissa << shift);
  if (exponent != 0) return sign | ((exponent + 127U - bias) << 23U) | (mantissa << shift);
  if (mantissa == 0) return sign;
  const unsigned leading = static_cast<unsigned>(std::bit_width(mantissa)) - 1U;
  const std::uint32_t fraction = (mantissa << (mantissa_bits - leading)) & mantissa_mask;
  return sign | ((leading + 128U - bias - mantissa_bits) << 23U) | (fraction << shift);
}

float f16_to_f32(std::uint16_t bits);
float bf16_to_f32(std::uint16_t bits);
float f8_e5m2_to_f32(std::uint8_t bits);
// OCP's "E4M3" with neither infinities nor more than one NaN: 0x7F and 0xFF.
float f8_e4m3_to_f32(std::uint8_t bits);

// out[i] from the i-th little-endian element of `bytes`. `dtype` is a float type and bytes.size()
// is out.size() elements of it.
void widen(DType dtype, std::span<const std::byte> bytes, std::span<float> out);

}  // namespace bertq::loaders
