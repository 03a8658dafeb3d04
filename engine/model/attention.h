// The two products of self-attention and the softmax between them, one head at a time.
//
// INT8: queries and keys have one scale a token, values one a channel of the sequence, and
// probabilities are u8 of exp(score - max) with the sum of those integers divided out at the end.
// BF16: all four rounded, probabilities divided by the sum of the rounded ones.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "engine/model/attention_operands.h"
#include "engine/model/rows.h"
#include "engine/model/stopwatch.h"
#include "engine/precision/recipe.h"
#include "jit/gemm.h"
#include "jit/kernels.h"

namespace bertq::engine {

// The recipe's choices for one layer, from its entries "….attention.scores" and
// "….attention.context".
struct AttentionChoice {
  std::string scores_module, context_module;
  Precision scores = Precision::fp32, context = Precision::fp32;
};
// Throws Error (input) for static ranges: attention has none.
AttentionChoice attention_choice(const Recipe& recipe, const std::string& layer_prefix);

// Where the rows of one sequence begin.
struct AttentionRows {
  FloatRows query, key, value;  // in
  FloatRows context;            // out
  std::size_t length = 0;
};

// Immutable; any number of threads may run it at once, each with its own scratch.
class Attention {
 public:
  Attention(const jit::Kernels& kernels, std::size_t head_size);

  // Computes the context of `head` for the queries `queries` of one sequence. f32 rows have 16
  // readable floats beyond the last row. Throws Error (input) if activations are not finite. Needs
  // an active jit::ThreadScope.
  void run(const AttentionChoice& choice, const AttentionRows& rows, std::size_t head,
           jit::Range queries, AttentionScratch& scratch, const Stopwatch& stopwatch) const;

 private:
  void compute_scores(const AttentionChoice& choice, const FloatRows& query, std::size_t rows,
                      std::size_t length, AttentionScratch& scratch,
                      const Stopwatch& stopwatch) const;
  void softmax(const AttentionChoice& choice, std::size_t rows, std::size_t length,
               AttentionScratch& scratch) const;
  void compute_context(const AttentionChoice& choice, const FloatRows& out, std::size_t rows,
                       std::size_t length, AttentionScratch& scratch,
                       const Stopwatch& stopwatch) const;
  void multiply(Precision precision, const std::string& module, const jit::GemmArgs& args,
                const Stopwatch& stopwatch) const;

  const jit::RowKernels* kernels_;
  std::size_t head_size_;
  float score_scale_;  // 1 / sqrt(head_size)
  // By Precision; both products have the same shape of epilogue.
  std::array<const jit::Gemm*, 3> gemms_;
};

}  // namespace bertq::engine
