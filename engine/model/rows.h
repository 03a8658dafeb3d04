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

// u8 tiles of `columns` columns with, for dynamic ranges, one scale a row. Views begin at a
// multiple of 16 rows.
struct TileRows {
  std::uint8_t* tiles = nullptr;
  float* scale = nullptr;
  std::size_t columns = 0;

  TileRows from(std::size_t row) const {
    return {tiles + jit::tile_offset(row, 0, columns), scale + row, columns};
  }
};

// The same rows in either form or both.
struct Rows {
  FloatRows f32;
  TileRows u8;

  Rows from(std::size_t row) const { return {f32.from(row), u8.from(row)}; }
};

}  // namespace bertq::engine
