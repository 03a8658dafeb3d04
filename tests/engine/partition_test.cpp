#include "engine/runtime/partition.h"

#include <doctest/doctest.h>

namespace bertq::testing {
using namespace engine;
namespace {

Partition partition_of(std::size_t threads, std::size_t least_rows) {
  return {threads, 128, least_rows};
}

void check_grid(const Partition& partition, std::size_t rows) {
  CAPTURE(partition.threads);
  CAPTURE(rows);
  const Grid grid = partition.grid(rows);
  std::size_t next = 0;
  for (std::size_t i = 0; i < grid.blocks(); ++i) {
    const jit::Range range = grid.block_rows(i);
    CHECK(range.begin == next);
    CHECK(range.begin % 16 == 0);
    CHECK(range.end > range.begin);
    next = range.end;
  }
  CHECK(next == rows);
  const std::size_t scratch = partition.scratch_rows(rows);
  if (grid.by_rows) {
    CHECK(grid.block <= partition.largest_block);
    CHECK(grid.block * partition.threads <= scratch);
  } else {
    CHECK(rows < partition.threads * partition.least_rows);
    CHECK(grid.blocks() == 1);
    CHECK(rows <= scratch);
  }
}

TEST_CASE("a grid covers all rows once, in blocks of 16 rows that its scratch has room for") {
  for (const std::size_t threads : {1U, 2U, 3U, 8U, 64U}) {
    for (std::size_t rows = 1; rows < 3000; rows += 1 + rows / 16) {
      check_grid(partition_of(threads, 32), rows);
      check_grid(partition_of(threads, 128), rows);
    }
  }
}

TEST_CASE("scratch for a large batch has room for every smaller one") {
  for (const std::size_t threads : {1U, 2U, 5U}) {
    const Partition partition = partition_of(threads, 128);
    for (std::size_t rows = 1; rows < 1000; ++rows) {
      CHECK(partition.scratch_rows(rows) <= partition.scratch_rows(rows + 1));
    }
  }
}

TEST_CASE("columns are split where rows are few for each thread") {
  CHECK(partition_of(1, 128).grid(1).by_rows);
  CHECK_FALSE(partition_of(2, 128).grid(255).by_rows);
  CHECK(partition_of(2, 128).grid(256).by_rows);
  CHECK(partition_of(2, 128).grid(1024).blocks() == 8);
  CHECK(partition_of(2, 32).grid(128).block == 64);
}

TEST_CASE("parts cover everything once, from multiples of 16") {
  for (const std::size_t parts : {1U, 2U, 3U, 7U}) {
    for (std::size_t total = 1; total < 200; ++total) {
      std::size_t next = 0;
      for (std::size_t i = 0; i < parts; ++i) {
        const jit::Range range = part_of(total, i, parts);
        if (range.begin == range.end) continue;
        CHECK(range.begin == next);
        CHECK(range.begin % 16 == 0);
        next = range.end;
      }
      CHECK(next == total);
    }
  }
}

TEST_CASE("attention is split only where threads would be idle") {
  CHECK(attention_parts(12, 1) == 1);
  CHECK(attention_parts(12, 12) == 1);
  CHECK(attention_parts(12, 16) == 2);
  CHECK(attention_parts(1, 8) == 8);
  CHECK(attention_parts(0, 8) == 1);
}

}  // namespace
}  // namespace bertq::testing
