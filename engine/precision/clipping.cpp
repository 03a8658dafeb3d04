#include "engine/precision/clipping.h"

#include <emmintrin.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "engine/precision/symmetric.h"

namespace bertq::engine {
namespace {

constexpr float step = 0.02F;  // of the largest magnitude, from one candidate to the next

// Of weights that go to the nearest of -128..127 steps.
double squared_error(std::span<const float> weights, const SymmetricScale& scale) {
  const __m128 inverse = _mm_set1_ps(scale.inverse), width = _mm_set1_ps(scale.scale);
  const __m128 highest = _mm_set1_ps(127.0F), lowest = _mm_set1_ps(-128.0F);
  __m128 sum = _mm_setzero_ps();
  std::size_t i = 0;
  for (; i + 4 <= weights.size(); i += 4) {
    const __m128 w = _mm_loadu_ps(weights.data() + i);
    const __m128 q = _mm_min_ps(highest, _mm_max_ps(lowest, _mm_mul_ps(w, inverse)));
    const __m128 error = _mm_sub_ps(w, _mm_mul_ps(width, _mm_cvtepi32_ps(_mm_cvtps_epi32(q))));
    sum = _mm_add_ps(sum, _mm_mul_ps(error, error));
  }
  std::array<float, 4> lanes;
  _mm_storeu_ps(lanes.data(), sum);
  double total =
      static_cast<double>(lanes[0] + lanes[1]) + static_cast<double>(lanes[2] + lanes[3]);
  for (; i < weights.size(); ++i) {
    const float q = std::clamp(weights[i] * scale.inverse, -128.0F, 127.0F);
    const float error = weights[i] - scale.scale * std::nearbyint(q);
    total += static_cast<double>(error * error);
  }
  return total;
}

}  // namespace

float ClippingSearch::candidate(std::size_t index) const {
  return largest_ * (1.0F - step * static_cast<float>(index));
}

void ClippingSearch::add(std::span<const float> weights) {
  for (std::size_t i = 0; i < candidates; ++i) {
    squared_error_[i] += squared_error(weights, symmetric_scale(candidate(i)));
  }
}

float ClippingSearch::best() const {
  const auto least = std::min_element(squared_error_.begin(), squared_error_.end());
  return candidate(static_cast<std::size_t>(std::distance(squared_error_.begin(), least)));
}

}  // namespace bertq::engine
