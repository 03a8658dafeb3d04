#include "jit/pack.h"

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

void pack_f32(const float* weights, std::size_t row, std::size_t rows, std::size_t k,
              float* packed) {
  for (std::size_t n = row; n < row + rows; ++n) {
    const float* source = weights + (n - row) * k;
    float* column = packed + packed_f32_offset(n, 0, k);
    for (std::size_t i = 0; i < k; ++i) column[i * lanes] = source[i];
  }
}

}  // namespace bertq::jit
