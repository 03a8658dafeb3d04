// The two products of self-attention and the softmax between them, one head at a time.
//
// INT8: queries and keys have one scale a token, values one a channel of the sequence, and
// probabilities are u8 of exp(score - max) with the sum of those integers divided out at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/model/rows.h"
#include "engine/model/stopwatch.h"
#include "engine/precision/recipe.h"
#include "engine/runtime/arena.h"
#include "jit/gemm.h"
#include "jit/kernels.h"

namespace bertq::engine {

// The recipe's choices for one layer, from its entries "….attention.scores" and
// "….attention.context".
struct AttentionChoice {
  std::string scores_module, context_module;
  bool int8_scores = false;
  bool int8_context = false;
};
// Throws Error (input) for static ranges: attention has none.
AttentionChoice attention_choice(const Recipe& recipe, const std::string& layer_prefix);

// One worker's working memory, for sequences up to `longest` tokens.
struct AttentionScratch {
  AttentionScratch(Arena& arena, std::size_t longest, std::size_t head_size);

  std::span<std::byte> keys, values;          // packed, s8 or f32
  std::span<float> key_scale, value_scale;    // [longest], [head_size], padded
  std::span<std::int32_t> key_compensation;   // [longest], padded
  std::span<std::uint8_t> query_tiles;        // [block][head_size]
  std::span<float> query_scale;               // [block]
  std::span<float> scores;                    // [block][longest], padded
  std::span<std::uint8_t> probability_tiles;  // [block][longest]
  std::span<float> reciprocal_sum;            // [block]
  std::span<float> context;                   // [block][head_size], padded
  std::span<std::int32_t> zeros;              // [head_size], padded: probabilities begin at 0
};

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
  void pack_keys(const AttentionChoice& choice, const AttentionRows& head,
                 AttentionScratch& scratch) const;
  void pack_values(const AttentionChoice& choice, const AttentionRows& head,
                   AttentionScratch& scratch) const;
  void compute_scores(const AttentionChoice& choice, const FloatRows& query, std::size_t rows,
                      std::size_t length, AttentionScratch& scratch,
                      const Stopwatch& stopwatch) const;
  void softmax(const AttentionChoice& choice, std::size_t rows, std::size_t length,
               AttentionScratch& scratch) const;
  void compute_context(const AttentionChoice& choice, const FloatRows& out, std::size_t rows,
                       std::size_t length, AttentionScratch& scratch,
                       const Stopwatch& stopwatch) const;

  const jit::RowKernels* kernels_;
  std::size_t head_size_;
  float score_scale_;           // 1 / sqrt(head_size)
  const jit::Gemm* int8_gemm_;  // both products have the same shape of epilogue
  const jit::Gemm* f32_gemm_;
};

// Query rows that are processed at once for a sequence of `length` tokens, so that their scores
// stay in the L1 or L2 cache: a multiple of 16.
std::size_t attention_block(std::size_t length);

}  // namespace bertq::engine
