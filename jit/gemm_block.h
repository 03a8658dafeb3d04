// What the driver in generated_gemm.cpp tells one call of a generated kernel: a block of a few rows
// and up to three groups of 16 columns, over the whole depth. Strides in bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bertq::jit {

inline constexpr std::size_t most_groups = 3;  // of 16 columns, in one block
inline constexpr std::size_t f32_turn = 4;     // steps of depth in a turn of the f32 loop
inline constexpr std::size_t cache_line = 64;

struct GemmBlock {
  const void* a;                     // f32: first row; else its row in the first tile
  std::uint64_t a_stride;            // f32: between rows; else between panels of 16 rows
  const void* b;                     // first panel of 16 columns
  std::uint64_t b_stride;            // between panels
  std::uint64_t depth;               // f32: k; else tiles
  const void* ahead;                 // what to prefetch of the panels that come after these:
  std::uint64_t ahead_lines;         // so many cache lines, at least one, in each turn of the loop
  std::uint64_t rows;                // tile kernels only; the others know theirs
  const std::int32_t* compensation;  // of tile kernels: negative, what sums begin with
  const float* row_scale;
  const float* column_scale;
  const float* bias;
  const float* residual;
  std::uint64_t residual_stride;     // between rows
  std::array<void*, most_groups> c;  // f32: only c[0], groups follow each other; tiles: one a group
  std::uint64_t c_stride;            // f32: between rows
  std::uint64_t c_panel_stride;      // tiles: between panels of 16 rows
  const float *output_multiplier, *output_offset;  // u8
  // Tile kernels only: where the sums of this block go, `tile_sums_bytes` from a multiple of them,
  // and the block before, which is finished meanwhile (null: none).
  void* sums;
  const GemmBlock* previous;
};

// The sums of a tile kernel's block: two panels of 16 rows, each row 2 groups of 16 int32 or f32.
inline constexpr std::size_t tile_sums_row = 2 * 64;
inline constexpr std::size_t tile_sums_panel = 16 * tile_sums_row;
inline constexpr std::size_t tile_sums_bytes = 2 * tile_sums_panel;

using GemmBlockFunction = void (*)(const GemmBlock*);

}  // namespace bertq::jit
