// Weights from row-major [n][k] into the packed layouts of layout.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bertq::jit {

// Rows [row, row + rows) of an [n][k] s8 matrix, given row-major with leading dimension k, into
// `packed` (packed_s8_bytes(n, k) bytes, zeroed by the caller: the padding must be zero).
// `column_sums[row .. row + rows)` gets each row's sum over k.
void pack_s8(const std::int8_t* weights, std::size_t row, std::size_t rows, std::size_t k,
             std::int8_t* packed, std::int32_t* column_sums);

// The sums of all rows of a packed [n][k] matrix whose padding is zero: n rounded up to 16 of them.
void column_sums_s8(const std::int8_t* packed, std::size_t n, std::size_t k,
                    std::int32_t* column_sums);

// pack_s8 for bf16, from f32 rows that it rounds: `packed` has packed_bf16_bytes(n, k) / 2 numbers,
// zeroed by the caller. Returns the largest magnitude among the rounded ones; infinite or NaN if a
// weight was not finite or too large.
float pack_bf16(const float* weights, std::size_t row, std::size_t rows, std::size_t k,
                std::uint16_t* packed);

// pack_s8 for f32: `packed` has packed_f32_count(n, k) floats, zeroed by the caller.
void pack_f32(const float* weights, std::size_t row, std::size_t rows, std::size_t k,
              float* packed);

// Makes row `to` of a packed matrix a copy of row `from`. In every packed layout a row is a column
// of cells of 4 bytes, one in each group of 64: `cells` of them.
void repeat_row(std::span<std::byte> packed, std::size_t cells, std::size_t from, std::size_t to);

}  // namespace bertq::jit
