#include "engine/runtime/partition.h"

#include <algorithm>

#include "jit/layout.h"

namespace bertq {
namespace {

// Below this many rows a thread, fetching the weights takes longer than using them.
constexpr std::size_t least_rows_per_thread = 128;

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

Grid choose_grid(std::size_t rows, std::size_t threads, std::size_t largest_block) {
  if (threads > 1 && rows < threads * least_rows_per_thread) {
    return {false, rows, jit::round_up(std::max<std::size_t>(rows, 1), jit::tile_rows), threads};
  }
  // As many blocks for each thread, and all of one size.
  const std::size_t blocks_per_thread =
      std::max<std::size_t>(1, divide_up(rows, threads * largest_block));
  const std::size_t blocks = blocks_per_thread * threads;
  const std::size_t block = std::max<std::size_t>(1, divide_up(rows, blocks));
  return {true, rows, std::min(largest_block, jit::round_up(block, jit::tile_rows)), 1};
}

std::size_t scratch_rows(std::size_t rows, std::size_t threads, std::size_t largest_block) {
  const std::size_t by_columns = threads == 1 ? 0 : std::min(rows, threads * least_rows_per_thread);
  const std::size_t by_rows =
      std::min(jit::round_up(rows, jit::tile_rows), largest_block) * threads;
  return std::max(jit::round_up(by_columns, jit::tile_rows), by_rows);
}

std::size_t attention_parts(std::size_t heads, std::size_t threads) {
  return heads == 0 || heads >= threads ? 1 : divide_up(threads, heads);
}

}  // namespace bertq
