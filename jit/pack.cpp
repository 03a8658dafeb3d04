#include "jit/pack.h"

#include <emmintrin.h>

#include <algorithm>
#include <cstring>

#include "jit/bf16.h"
#include "jit/layout.h"

namespace bertq::jit {

void pack_s8(const std::int8_t* weights, std::size_t row, std::size_t rows, std::size_t k,
             std::int8_t* packed, std::int32_t* column_sums) {
  for (std::size_t n = row; n < row + rows; ++n) {
    const std::int8_t* source = weights + (n - row) * k;
    std::int8_t* column = packed + packed_s8_offset(n, 0, k);
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < k; ++i) {
      column[i / depth_group * lanes * depth_group + i % depth_group] = source[i];
      sum += source[i];
    }
    column_sums[n] = sum;
  }
}

// psadbw adds 8 bytes, which are two columns here: one of them is masked out, the other shifted
// out. It takes the bytes as unsigned, so each is 128 too much.
void column_sums_s8(const std::int8_t* packed, std::size_t n, std::size_t k,
                    std::int32_t* column_sums) {
  constexpr std::size_t vectors = lanes * depth_group / 16, columns = 16 / depth_group;
  const __m128i flip = _mm_set1_epi8(-128), zero = _mm_setzero_si128();
  const __m128i low_half = _mm_set1_epi64x(0xffffffff);
  const std::size_t groups = padded_depth(k) / depth_group;
  const auto excess = static_cast<std::int32_t>(128 * padded_depth(k));
  for (std::size_t panel = 0; panel < padded_columns(n); panel += lanes) {
    const std::int8_t* at = packed + packed_s8_offset(panel, 0, k);
    __m128i even[vectors], odd[vectors];
    for (std::size_t v = 0; v < vectors; ++v) even[v] = odd[v] = zero;
    for (std::size_t group = 0; group < groups; ++group, at += lanes * depth_group) {
      for (std::size_t v = 0; v < vectors; ++v) {
        const __m128i bytes =
            _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + v), flip);
        even[v] = _mm_add_epi32(even[v], _mm_sad_epu8(_mm_and_si128(bytes, low_half), zero));
        odd[v] = _mm_add_epi32(odd[v], _mm_sad_epu8(_mm_srli_epi64(bytes, 32), zero));
      }
    }
    for (std::size_t v = 0; v < vectors; ++v) {
      // Even sums are in the words 0 and 2, the odd ones belong into 1 and 3.
      const __m128i sums = _mm_or_si128(even[v], _mm_slli_epi64(odd[v], 32));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(column_sums + panel + v * columns),
                       _mm_sub_epi32(sums, _mm_set1_epi32(excess)));
    }
  }
}

// Magnitudes are compared as integers, where NaN is above infinity.
float pack_bf16(const float* weights, std::size_t row, std::size_t rows, std::size_t k,
                std::uint16_t* packed) {
  constexpr std::size_t pair = 2;
  std::uint16_t largest = 0;
  for (std::size_t n = row; n < row + rows; ++n) {
    const float* source = weights + (n - row) * k;
    std::uint16_t* column = packed + packed_bf16_offset(n, 0, k) / bf16_bytes;
    for (std::size_t i = 0; i < k; ++i) {
      const std::uint16_t rounded = to_bf16(source[i]);
      column[i / pair * lanes * pair + i % pair] = rounded;
      largest = std::max(largest, static_cast<std::uint16_t>(rounded & 0x7fffU));
    }
  }
  return from_bf16(largest);
}

void pack_f32(const float* weights, std::size_t row, std::size_t rows, std::size_t k,
              float* packed) {
  for (std::size_t n = row; n < row + rows; ++n) {
    const float* source = weights + (n - row) * k;
    float* column = packed + packed_f32_offset(n, 0, k);
    for (std::size_t i = 0; i < k; ++i) column[i * lanes] = source[i];
  }
}

void repeat_row(std::span<std::byte> packed, std::size_t cells, std::size_t from, std::size_t to) {
  constexpr std::size_t cell = sizeof(float);
  const auto place = [&](std::size_t row) {
    return packed.data() + (row / lanes * lanes * cells + row % lanes) * cell;
  };
  for (std::size_t i = 0; i < cells; ++i) {
    std::memcpy(place(to) + i * lanes * cell, place(from) + i * lanes * cell, cell);
  }
}

}  // namespace bertq::jit
