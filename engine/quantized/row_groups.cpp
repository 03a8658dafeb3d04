#include "engine/quantized/row_groups.h"

#include <algorithm>

#include "jit/layout.h"

namespace bertq::engine {
namespace {

// Enough rows to make the fetching of weights worth it, a multiple of 16.
constexpr std::size_t block_rows = 64;

}  // namespace

void RowGroups::assign(std::span<const std::size_t> sizes) {
  groups_.clear();
  blocks_.clear();
  rows_ = tile_rows_ = 0;
  for (const std::size_t size : sizes) {
    for (std::size_t row = 0; row < size; row += block_rows) {
      blocks_.push_back({groups_.size(), row, std::min(block_rows, size - row)});
    }
    groups_.push_back({rows_, size, tile_rows_});
    rows_ += size;
    tile_rows_ += jit::round_up(size, jit::tile_rows);
  }
}

}  // namespace bertq::engine
