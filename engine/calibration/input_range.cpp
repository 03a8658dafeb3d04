#include "engine/calibration/input_range.h"

#include <emmintrin.h>

#include <algorithm>
#include <array>

namespace bertq {

QuantizationError quantization_error(std::span<const float> values, const ByteRange& range) {
  const auto lowest = static_cast<float>(-range.zero_point);
  const __m128 inverse = _mm_set1_ps(1.0F / range.scale), scale = _mm_set1_ps(range.scale);
  const __m128 low = _mm_set1_ps(lowest), high = _mm_set1_ps(lowest + 255.0F);
  __m128 sum = _mm_setzero_ps(), squares = _mm_setzero_ps();
  const auto add = [&](__m128 x) {
    // Clamped first, since what is outside need not fit an int32; the bounds are whole.
    const __m128 steps = _mm_min_ps(high, _mm_max_ps(low, _mm_mul_ps(x, inverse)));
    const __m128 error = _mm_sub_ps(_mm_mul_ps(_mm_cvtepi32_ps(_mm_cvtps_epi32(steps)), scale), x);
    sum = _mm_add_ps(sum, error);
    squares = _mm_add_ps(squares, _mm_mul_ps(error, error));
  };
  std::size_t i = 0;
  for (; i + 4 <= values.size(); i += 4) add(_mm_loadu_ps(values.data() + i));
  if (i < values.size()) {
    std::array<float, 4> rest{};  // zeros have no error
    std::copy(values.begin() + static_cast<std::ptrdiff_t>(i), values.end(), rest.begin());
    add(_mm_loadu_ps(rest.data()));
  }
  std::array<float, 4> sums, squared;
  _mm_storeu_ps(sums.data(), sum);
  _mm_storeu_ps(squared.data(), squares);
  const auto count = static_cast<double>(std::max<std::size_t>(values.size(), 1));
  const auto total = [](const std::array<float, 4>& lanes) {
    return static_cast<double>(lanes[0] + lanes[1]) + static_cast<double>(lanes[2] + lanes[3]);
  };
  return {total(sums) / count, total(squared) / count};
}

}  // namespace bertq
