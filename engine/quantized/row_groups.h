// Rows of activations in groups that share a range, and how they are shared out to threads.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "jit/gemm.h"

namespace bertq::engine {

// Rows [first, first + rows), whose codes begin at row `tile_row` of the u8 tiles: a multiple of
// 16, since tiles hold rows of one group only.
struct RowGroup {
  std::size_t first = 0, rows = 0, tile_row = 0;
};

// A part of a group: rows [row, row + rows) of it, `row` a multiple of 16.
struct RowBlock {
  std::size_t group = 0, row = 0, rows = 0;
};

class RowGroups {
 public:
  // Groups of these sizes, one after another.
  void assign(std::span<const std::size_t> sizes);

  std::span<const RowGroup> groups() const { return groups_; }
  std::span<const RowBlock> blocks() const { return blocks_; }
  std::size_t rows() const { return rows_; }
  std::size_t tile_rows() const { return tile_rows_; }

 private:
  std::vector<RowGroup> groups_;
  std::vector<RowBlock> blocks_;
  std::size_t rows_ = 0, tile_rows_ = 0;
};

}  // namespace bertq::engine
