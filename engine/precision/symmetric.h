// Symmetric INT8 of weights: q = rne(w * (127 / range)), -127..127 where the range is max|w|, and
// saturating at -128 and 127 where it is less.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bertq::engine {

// max|w|; the weights are finite.
float largest_magnitude(std::span<const float> weights);

// The scale of weights whose largest magnitude is `largest`, and its inverse. Both are 0 where the
// inverse would overflow (largest below some 1e-36): such weights count as zeros.
struct SymmetricScale {
  float scale = 0.0F;
  float inverse = 0.0F;
};
SymmetricScale symmetric_scale(float largest);

// quantized[i] = rne(weights[i] * scale.inverse), saturated. Rounds as MXCSR says, so it runs in a
// jit::ThreadScope.
void quantize_symmetric(std::span<const float> weights, const SymmetricScale& scale,
                        std::int8_t* quantized);

}  // namespace bertq::engine
