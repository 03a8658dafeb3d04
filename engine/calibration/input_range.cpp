#include "engine/calibration/input_range.h"

#include <emmintrin.h>

#include <algorithm>
#include <array>

namespace bertq::engine {

QuantizationError quantization_error(std::span<const float> values, std::span<const float> weights,
                                     const ByteRange& range) {
  const auto lowest = static_cast<float>(-range.zero_point);
  const __m128 inverse = _mm_set1_ps(1.0F / range.scale), scale = _mm_set1_ps(range.scale);
  const __m128 low = _mm_set1_ps(lowest), high = _mm_set1_ps(lowest + range.steps());
  __m128 sum = _mm_setzero_ps(), squares = _mm_setzero_ps(), weight = _mm_setzero_ps();
  const auto add = [&](__m128 x, __m128 w) {
    // Clamped first, since what is outside need not fit an int32; the bounds are whole.
    const __m128 steps = _mm_min_ps(high, _mm_max_ps(low, _mm_mul_ps(x, inverse)));
    const __m128 error = _mm_sub_ps(_mm_mul_ps(_mm_cvtepi32_ps(_mm_cvtps_epi32(steps)), scale), x);
    const __m128 weighted = _mm_mul_ps(error, w);
    sum = _mm_add_ps(sum, weighted);
    squares = _mm_add_ps(squares, _mm_mul_ps(error, weighted));
    weight = _mm_add_ps(weight, w);
  };
  std::size_t i = 0;
  for (; i + 4 <= values.size(); i += 4) {
    add(_mm_loadu_ps(values.data() + i), _mm_loadu_ps(weights.data() + i));
  }
  if (i < values.size()) {
    std::array<float, 4> rest{}, rest_weights{};
    const auto first = static_cast<std::ptrdiff_t>(i);
    std::copy(values.begin() + first, values.end(), rest.begin());
    std::copy(weights.begin() + first, weights.end(), rest_weights.begin());
    add(_mm_loadu_ps(rest.data()), _mm_loadu_ps(rest_weights.data()));
  }
  const auto total = [](__m128 lanes) {
    std::array<float, 4> parts;
    _mm_storeu_ps(parts.data(), lanes);
    return static_cast<double>(parts[0] + parts[1]) + static_cast<double>(parts[2] + parts[3]);
  };
  const double count = total(weight);
  if (count <= 0.0) return {};
  return {total(sum) / count, total(squares) / count};
}

}  // namespace bertq::engine
