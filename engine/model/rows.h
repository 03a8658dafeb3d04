// Views of rows of activations, in the two forms that the kernels take. They own nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "jit/layout.h"

namespace bertq::engine {

// Floats from one row to the next for `columns` columns: padded for the kernels, and never a
// multiple of 4 KiB, where all rows would compete for the same few lines of the L1 cache.
constexpr std::size_t leading_dimension(std::size_t columns) {
  const std::size_t padded = jit::padded_columns(columns);
  return padded % 1024 == 0 ? padded + jit::lanes : padded;
}

struct FloatRows {
  float* data = nullptr;
  std::size_t ld = 0;

  float* row(std::size_t index) const { return data + index * ld; }
  FloatRows from(std::size_t index) const { return {row(index), ld}; }
};

// Tiles of `columns` columns, of u8 or bf16, and beside them one number a row: of dynamic ranges
// the scale, of bf16 the largest magnitude. Views begin at a multiple of 16 rows.
struct TileRows {
  std::uint8_t* tiles = nullptr;
  float* scale = nullptr;
  std::size_t columns = 0;
  std::size_t element_bytes = 1;
  std::uint8_t* bf16 = nullptr;  // where the same rows have their tiles of bf16, if anywhere

  TileRows from(std::size_t row) const {
    return {tiles + jit::tile_offset(row, 0, columns * element_bytes), scale + row, columns,
            element_bytes,
            bf16 == nullptr ? nullptr : bf16 + jit::bf16_tile_offset(row, 0, columns)};
  }
  // The tiles of elements of so many bytes. Threads work on rows of one matrix in different formats
  // at once, and a row's place depends on the format: so each format has memory of its own.
  TileRows of_elements(std::size_t bytes) const {
    return {bytes == element_bytes ? tiles : bf16, scale, columns, bytes, bf16};
  }
};

// The same rows in either form or both.
struct Rows {
  FloatRows f32;
  TileRows tiled;

  Rows from(std::size_t row) const { return {f32.from(row), tiled.from(row)}; }
};

}  // namespace bertq::engine
