// How the rows and columns of a chain of layers are split among threads.
#pragma once

#include <cstddef>

#include "jit/gemm.h"

namespace bertq::engine {

// Part `index` of `parts` of 0..`total`, all about as large, each from a multiple of 16. May be
// empty.
jit::Range part_of(std::size_t total, std::size_t index, std::size_t parts);

// All row-wise steps of an encoder layer follow one another on the same rows, so many rows are best
// split by rows: each thread takes a block through the whole chain, from its own cache, without
// waiting for anyone. But then each thread reads all weights. With few rows a thread, that costs
// more than the arithmetic; then the columns of each layer are split, each thread reading its own
// part of the weights, and all meet after each step.
struct Grid {
  bool by_rows = true;
  std::size_t rows = 0;
  std::size_t block = 0;  // rows of a block, a multiple of 16; all rows when split by columns
  std::size_t parts = 1;  // column parts of a matrix product when split by columns

  std::size_t blocks() const { return (rows + block - 1) / block; }
  jit::Range block_rows(std::size_t index) const;
};

// What decides between the two.
struct Partition {
  std::size_t threads = 1;
  std::size_t largest_block = 0;  // rows; bounds the working memory that a block needs
  std::size_t least_rows = 0;     // for a thread, below which columns are split

  Grid grid(std::size_t rows) const;
  // Rows of working memory that all blocks in flight need together, for any batch of up to `rows`.
  std::size_t scratch_rows(std::size_t rows) const;
};

// Rows for a thread below which splitting the columns is faster, meetings and all: measured with
// two threads of a Zen 5 (64 in FP32; 128 where INT8 or BF16 multiplies faster), taken over for
// others.
std::size_t least_rows_per_thread(bool all_f32);

// Into how many parts to split the queries of each of `heads` heads (over all sequences), so that
// all threads have work: parts repeat the packing of keys and values, so as few as will do.
std::size_t attention_parts(std::size_t heads, std::size_t threads);

}  // namespace bertq::engine
