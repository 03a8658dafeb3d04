// The two memory layouts that all INT8 and BF16 kernels share, on every instruction set.
//
// Activations (u8): tiles of 16 rows x 64 columns, [rows/16][depth/64][16][64]: 1 KiB each, one
// AMX A tile. Rows are rounded up to 16 and columns to 64.
//
// Weights (s8): panels of 16 output columns, [n/16][k/4][16][4], with n rounded up to 16 and k to
// 64: 16 consecutive groups are one AMX B tile, one group of 64 bytes is one VNNI register.
// FP32 weights have the same shape with groups of one: [n/16][k][16].
//
// A BF16 matrix lies as the matrix of its bytes does, which has twice as many columns: tiles of 16
// rows x 32 columns, and panels [n/16][k/2][16][2] with k rounded up to 32.
//
// FP32 activations are plain row-major. Every f32 row is padded to a multiple of 16 columns:
// kernels read and write whole groups of 16, and what the padding holds never reaches an answer.
#pragma once

#include <cstddef>

namespace bertq::jit {

inline constexpr std::size_t lanes = 16;       // columns of a group, and virtual lanes of a sum
inline constexpr std::size_t tile_rows = 16;   // rows of an activation tile
inline constexpr std::size_t tile_depth = 64;  // columns of an activation tile
inline constexpr std::size_t tile_bytes = tile_rows * tile_depth;
inline constexpr std::size_t depth_group = 4;  // s8 values of one column that lie side by side

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}
constexpr std::size_t padded_columns(std::size_t columns) {
  return round_up(columns, lanes);
}
constexpr std::size_t padded_depth(std::size_t depth) {
  return round_up(depth, tile_depth);
}

// Bytes of a u8 activation matrix in tiles.
constexpr std::size_t tiles_bytes(std::size_t rows, std::size_t columns) {
  return round_up(rows, tile_rows) * padded_depth(columns);
}
// Where (row, column) lies in a tiled u8 matrix of `columns` columns.
constexpr std::size_t tile_offset(std::size_t row, std::size_t column, std::size_t columns) {
  return (row / tile_rows * (padded_depth(columns) / tile_depth) + column / tile_depth) *
             tile_bytes +
         row % tile_rows * tile_depth + column % tile_depth;
}

// Bytes of packed s8 weights, floats of packed f32 weights, for n outputs and k inputs.
constexpr std::size_t packed_s8_bytes(std::size_t n, std::size_t k) {
  return padded_columns(n) * padded_depth(k);
}
constexpr std::size_t packed_f32_count(std::size_t n, std::size_t k) {
  return padded_columns(n) * k;
}
// Where weight (n, k) lies; `depth` is the k of the whole matrix.
constexpr std::size_t packed_s8_offset(std::size_t n, std::size_t k, std::size_t depth) {
  return n / lanes * lanes * padded_depth(depth) + k / depth_group * lanes * depth_group +
         n % lanes * depth_group + k % depth_group;
}
constexpr std::size_t packed_f32_offset(std::size_t n, std::size_t k, std::size_t depth) {
  return n / lanes * lanes * depth + k * lanes + n % lanes;
}

// The same of bf16 matrices, in bytes.
inline constexpr std::size_t bf16_bytes = 2;
inline constexpr std::size_t bf16_tile_depth = tile_depth / bf16_bytes;

constexpr std::size_t bf16_tiles_bytes(std::size_t rows, std::size_t columns) {
  return tiles_bytes(rows, columns * bf16_bytes);
}
constexpr std::size_t bf16_tile_offset(std::size_t row, std::size_t column, std::size_t columns) {
  return tile_offset(row, column * bf16_bytes, columns * bf16_bytes);
}
constexpr std::size_t packed_bf16_bytes(std::size_t n, std::size_t k) {
  return packed_s8_bytes(n, k * bf16_bytes);
}
constexpr std::size_t packed_bf16_offset(std::size_t n, std::size_t k, std::size_t depth) {
  return packed_s8_offset(n, k * bf16_bytes, depth * bf16_bytes);
}

}  // namespace bertq::jit
