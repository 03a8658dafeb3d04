#include "engine/runtime/partition.h"

#include <algorithm>

#include "jit/layout.h"

namespace bertq::engine {
namespace {

std::size_t divide_up(std::size_t value, std::size_t divisor) {
  return (value + divisor - 1) / divisor;
}

}  // namespace

jit::Range part_of(std::size_t total, std::size_t index, std::size_t parts) {
  const std::size_t groups = divide_up(total, jit::lanes);
  const auto boundary = [&](std::size_t part) {
    return std::min(total, groups * part / parts * jit::lanes);
  };
  return {boundary(index), boundary(index + 1)};
}

jit::Range Grid::block_rows(std::size_t index) const {
  return {index * block, std::min(rows, (index + 1) * block)};
}

Grid Partition::grid(std::size_t rows) const {
  if (threads > 1 && rows < threads * least_rows) {
    return {false, rows, jit::round_up(std::max<std::size_t>(rows, 1), jit::tile_rows), threads};
  }
  // As many blocks for each thread, and all of one size.
  const std::size_t blocks = std::max<std::size_t>(1, divide_up(rows, threads * largest_block));
  const std::size_t block = std::max<std::size_t>(1, divide_up(rows, blocks * threads));
  return {true, rows, std::min(largest_block, jit::round_up(block, jit::tile_rows)), 1};
}

std::size_t Partition::scratch_rows(std::size_t rows) const {
  const std::size_t by_columns = threads == 1 ? 0 : std::min(rows, threads * least_rows);
  const std::size_t by_rows =
      std::min(jit::round_up(rows, jit::tile_rows), largest_block) * threads;
  return std::max(jit::round_up(by_columns, jit::tile_rows), by_rows);
}

std::size_t least_rows_per_thread(bool all_f32) {
  return all_f32 ? 64 : 128;
}

std::size_t attention_parts(std::size_t heads, std::size_t threads) {
  return heads == 0 || heads >= threads ? 1 : divide_up(threads, heads);
}

}  // namespace bertq::engine
