#include "engine/quantized/row_range.h"

#include <emmintrin.h>

#include <array>

namespace bertq::engine {

RowRange range_of_rows(const FloatRows& x, std::size_t rows, std::size_t columns) {
  const __m128 zero = _mm_setzero_ps();
  __m128 lowest = zero, highest = zero;
  __m128 spoilt = zero;  // x * 0 summed up: NaN once something was not finite
  RowRange rest;
  float rest_spoilt = 0.0F;
  for (std::size_t row = 0; row < rows; ++row) {
    const float* values = x.row(row);
    std::size_t i = 0;
    for (; i + 4 <= columns; i += 4) {
      const __m128 value = _mm_loadu_ps(values + i);
      lowest = _mm_min_ps(value, lowest);
      highest = _mm_max_ps(value, highest);
      spoilt = _mm_add_ps(spoilt, _mm_mul_ps(value, zero));
    }
    for (; i < columns; ++i) {
      rest.lowest = std::min(rest.lowest, values[i]);
      rest.highest = std::max(rest.highest, values[i]);
      rest_spoilt += values[i] * 0.0F;
    }
  }
  alignas(16) std::array<float, 4> low, high, bad;
  _mm_store_ps(low.data(), lowest);
  _mm_store_ps(high.data(), highest);
  _mm_store_ps(bad.data(), spoilt);
  for (std::size_t i = 0; i < 4; ++i) {
    rest = rest.joined({low[i], high[i], !std::isnan(bad[i])});
  }
  rest.finite = rest.finite && !std::isnan(rest_spoilt);
  return rest;
}

}  // namespace bertq::engine
