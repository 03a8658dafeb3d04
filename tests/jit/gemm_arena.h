// A matrix product as plain row-major numbers, and the arena in which a kernel finds them in its
// own layouts, at the edge of forbidden pages and surrounded by garbage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "jit/gemm.h"
#include "jit/kernels.h"
#include "support/guarded_buffer.h"

namespace bertq::testing {

struct GemmProblem {
  jit::GemmSpec spec;
  std::size_t m = 0, n = 0, k = 0;
  // Operands of the product, row-major and unpadded. The integers are kept as int16, which plain
  // loops multiply fast: 0..255 and -128..127.
  std::vector<std::int16_t> a_int, b_int;  // [m][k], [n][k]
  std::vector<float> a_f32, b_f32;         // of bf16 products: numbers that bf16 can hold
  std::vector<std::int32_t> compensation;  // [n]
  std::vector<float> row_scale;            // [m]
  std::vector<float> column_scale, bias;   // [n]
  std::vector<float> residual;             // [m][n]
  std::vector<float> output_multiplier, output_offset;  // [n], of u8 outputs
};

// What a kernel left in C, without the padding: [m][n]. u8 and bf16 outputs as floats.
using Elements = std::vector<float>;

// How the operands lie in memory.
struct Placement {
  Edge edge = Edge::end;            // the forbidden page is behind the operands, or before
  std::size_t extra_columns = 0;    // multiple of 16, added to each leading dimension
  bool residual_is_c = false;       // residual in C itself
  std::size_t extra_c_columns = 0;  // output in tiles: C is part of a wider tiled matrix
};

// Buffers for problems up to a size, reused by all of them.
class GemmArena {
 public:
  GemmArena(std::size_t max_m, std::size_t max_n, std::size_t max_k);

  // Lays out the operands of `problem`; padding, gaps and tile rows beyond m are garbage, C is NaN.
  void place(const GemmProblem& problem, const Placement& placement);
  // Fills C with NaN again (with the residual, if it is in C).
  void clear_c();
  const jit::GemmArgs& args() const { return args_; }

  // Runs the kernel of `isa` over the whole of C.
  void run(const jit::Kernels& kernels);
  Elements elements() const;
  // Empty if what surrounds C is as place() left it; otherwise what was overwritten.
  std::string damage() const;

 private:
  void place_a();
  void place_b();
  void place_vectors();
  void place_c();
  void place_bf16_a();
  // Where an element of C lies, in elements of f32 output, else in bytes.
  std::size_t c_index(std::size_t row, std::size_t column) const;
  std::size_t c_element_bytes() const;

  const GemmProblem* problem_ = nullptr;
  Placement placement_;
  jit::GemmArgs args_;
  std::size_t c_rows_ = 0;   // those of the buffer, at least m
  std::size_t c_count_ = 0;  // floats or bytes of C's buffer, gaps included
  GuardedBuffer a_, b_, compensation_, row_scale_, column_scale_, bias_, residual_,
      output_multiplier_, output_offset_, c_;
  std::vector<std::int8_t> b_rows_;
  std::vector<std::int32_t> column_sums_;
};

// Where `actual` and `expected` differ in their bits: how often, and the first place. Empty if
// nowhere. Any NaN equals any other.
std::string difference(const GemmProblem& problem, const Elements& actual,
                       const Elements& expected);

}  // namespace bertq::testing
