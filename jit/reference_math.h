// The arithmetic of the kernels on single numbers, in plain C++: what every generated instruction
// sequence must reproduce bit for bit.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "jit/gemm.h"
#include "jit/math_constants.h"

namespace bertq::jit::reference {

// As vmaxps and vminps: the second operand if either is NaN or both are zero.
inline float max(float a, float b) {
  return a > b ? a : b;
}
inline float min(float a, float b) {
  return a < b ? a : b;
}

// As vcvtps2dq: to nearest, ties to even; INT_MIN for NaN and what does not fit.
inline std::int32_t round_to_int(float x) {
  if (!(x >= -2147483648.0F && x < 2147483648.0F)) return std::numeric_limits<std::int32_t>::min();
  return static_cast<std::int32_t>(std::nearbyint(x));
}

template <std::size_t N>
float horner(const std::array<float, N>& terms, float x) {
  float sum = terms[N - 1];
  for (std::size_t i = N - 1; i-- > 0;) sum = std::fma(sum, x, terms[i]);
  return sum;
}

// p * 2^n by adding n to the exponent; exact while the result is a normal number.
inline float scale_exponent(float p, float n) {
  const auto shift = static_cast<std::uint32_t>(round_to_int(n)) << 23;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + shift);
}

inline float exp_nonpositive(float x) {
  x = max(math::exp_lowest, x);
  const float n = std::nearbyint(x * math::log2_e);
  const float r = std::fma(n, -math::ln2_low, std::fma(n, -math::ln2_high, x));
  return scale_exponent(std::fma(horner(math::exp_terms, r), r, 1.0F), n);
}

inline float gelu(const math::GeluTerms& terms, float x) {
  const float z = min(std::fabs(x), math::gelu_limit);
  const float tail = horner(terms, z - math::gelu_center);
  return std::fma(-z, tail, max(0.0F, x));
}

inline float tanh(float x) {
  const float e = exp_nonpositive(std::fabs(x) * -2.0F);
  return std::copysign((1.0F - e) / (1.0F + e), x);
}

inline float activate(Activation activation, float x) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return max(0.0F, x);
    case Activation::gelu_erf:
      return gelu(math::gelu_erf, x);
    case Activation::gelu_tanh:
      return gelu(math::gelu_tanh, x);
    case Activation::tanh:
      return tanh(x);
  }
  return x;
}

// A value of a static quantisation: clamped before rounding, where nothing can overflow.
inline std::uint8_t quantize(float x, float inverse_scale, std::int32_t zero_point,
                             std::int32_t least = 0) {
  const auto zero = static_cast<float>(zero_point);
  const float lowest = static_cast<float>(least) - zero;
  const float q = min(255.0F - zero, max(lowest, x * inverse_scale));
  return static_cast<std::uint8_t>(round_to_int(q) + zero_point);
}
// The same with the zero point added before the only rounding.
inline std::uint8_t quantize_fused(float x, float inverse_scale, float zero_point) {
  const float q = std::fma(x, inverse_scale, zero_point);
  return static_cast<std::uint8_t>(round_to_int(min(255.0F, max(0.0F, q))));
}

}  // namespace bertq::jit::reference
