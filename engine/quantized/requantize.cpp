#include "engine/quantized/requantize.h"

#include <emmintrin.h>

#include <algorithm>

#include "jit/layout.h"
#include "jit/reference_math.h"

namespace bertq::engine {
namespace {

constexpr std::size_t width = 4;

// Rows are padded to whole groups, so a partial vector at the end is read and written as a whole.
void requantize_row(const Requantization& how, float* x, const float* residual,
                    jit::Range columns) {
  const __m128 divisor = _mm_set1_ps(how.divisor);
  const __m128 lowest = _mm_set1_ps(static_cast<float>(how.least - how.zero_point));
  const __m128 highest = _mm_set1_ps(static_cast<float>(255 - how.zero_point));
  const __m128i zero_point = _mm_set1_epi32(how.zero_point);
  alignas(16) std::array<std::int32_t, width> codes;
  for (std::size_t i = columns.begin; i < columns.end; i += width) {
    const __m128 quotient = _mm_div_ps(_mm_loadu_ps(x + i), divisor);
    const __m128 scaled = _mm_mul_ps(quotient, _mm_loadu_ps(how.multiplier + i));
    // This order takes a bound for what is no number, in the padding.
    const __m128 clamped = _mm_max_ps(_mm_min_ps(scaled, highest), lowest);
    _mm_store_si128(reinterpret_cast<__m128i*>(codes.data()),
                    _mm_add_epi32(_mm_cvtps_epi32(clamped), zero_point));
    for (std::size_t j = 0; j < width; ++j) {
      const float value = (*how.table)[static_cast<std::size_t>(codes[j])];
      x[i + j] = residual == nullptr ? value : value + residual[i + j];
    }
  }
}

}  // namespace

CodeTable code_table(float step, std::int32_t zero_point, jit::Activation activation) {
  CodeTable table;
  for (std::size_t code = 0; code < table.size(); ++code) {
    const float value = static_cast<float>(static_cast<std::int32_t>(code) - zero_point) * step;
    table[code] = jit::reference::activate(activation, value);
  }
  return table;
}

void requantize(const Requantization& how, const FloatRows& x, const FloatRows& residual,
                std::size_t rows, jit::Range columns) {
  for (std::size_t row = 0; row < rows; ++row) {
    requantize_row(how, x.row(row), residual.data == nullptr ? nullptr : residual.row(row),
                   columns);
  }
}

}  // namespace bertq::engine
