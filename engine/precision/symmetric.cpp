#include "engine/precision/symmetric.h"

#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace bertq::engine {

// Four running maxima, since one would wait for each comparison's latency. A load of BERT-base
// passes 110 million weights through these two loops.
float largest_magnitude(std::span<const float> weights) {
  const __m128 sign = _mm_set1_ps(-0.0F);
  __m128 largest[4] = {_mm_setzero_ps(), _mm_setzero_ps(), _mm_setzero_ps(), _mm_setzero_ps()};
  std::size_t i = 0;
  for (; i + 16 <= weights.size(); i += 16) {
    for (std::size_t j = 0; j < 4; ++j) {
      const __m128 w = _mm_loadu_ps(weights.data() + i + 4 * j);
      largest[j] = _mm_max_ps(largest[j], _mm_andnot_ps(sign, w));
    }
  }
  alignas(16) std::array<float, 4> parts;
  _mm_store_ps(parts.data(),
               _mm_max_ps(_mm_max_ps(largest[0], largest[1]), _mm_max_ps(largest[2], largest[3])));
  float result = *std::max_element(parts.begin(), parts.end());
  for (; i < weights.size(); ++i) result = std::max(result, std::fabs(weights[i]));
  return result;
}

SymmetricScale symmetric_scale(float largest) {
  const float scale = largest / 127.0F;
  const float inverse = 127.0F / largest;
  if (!std::isnormal(scale) || !std::isfinite(inverse)) return {};
  return {scale, inverse};
}

void quantize_symmetric(std::span<const float> weights, const SymmetricScale& scale,
                        std::int8_t* quantized) {
  const __m128 inverse = _mm_set1_ps(scale.inverse);
  const auto convert = [&](std::size_t i) {
    return _mm_cvtps_epi32(_mm_mul_ps(_mm_loadu_ps(weights.data() + i), inverse));
  };
  std::size_t i = 0;
  for (; i + 16 <= weights.size(); i += 16) {
    const __m128i low = _mm_packs_epi32(convert(i), convert(i + 4));
    const __m128i high = _mm_packs_epi32(convert(i + 8), convert(i + 12));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(quantized + i), _mm_packs_epi16(low, high));
  }
  for (; i < weights.size(); ++i) {
    const int q = _mm_cvtss_si32(_mm_set_ss(weights[i] * scale.inverse));
    quantized[i] = static_cast<std::int8_t>(std::clamp(q, -128, 127));
  }
}

}  // namespace bertq::engine
