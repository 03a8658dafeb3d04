// What the two products of attention read, one head at a time: the keys and values of a sequence,
// packed in a product's precision, and a worker's memory for them and for what lies between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/model/rows.h"
#include "engine/precision/recipe.h"
#include "engine/runtime/arena.h"
#include "jit/row_kernels.h"

namespace bertq::engine {

// One worker's working memory, for sequences up to `longest` tokens.
struct AttentionScratch {
  AttentionScratch(Arena& arena, std::size_t longest, std::size_t head_size);

  std::span<std::uint8_t> key_tiles;          // [longest][head_size], bf16 only
  std::span<std::byte> keys, values;          // packed, in any precision
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

// Query rows that are processed at once for a sequence of `length` tokens, so that their scores
// stay in the L1 or L2 cache: a multiple of 16.
std::size_t attention_block(std::size_t length);

// The keys and the values of one head, `length` rows of `head_size` columns, into scratch.keys and
// scratch.values as the B operand of a product in `precision`; INT8 keys and values with their
// scales, keys with the compensation for a query whose zero point is 128. Throws Error (input)
// naming `module` for keys, and INT8 values, that are not finite. Needs an active jit::ThreadScope.
void pack_keys(const jit::RowKernels& kernels, Precision precision, const std::string& module,
               const FloatRows& keys, std::size_t length, std::size_t head_size,
               AttentionScratch& scratch);
void pack_values(const jit::RowKernels& kernels, Precision precision, const std::string& module,
                 const FloatRows& values, std::size_t length, std::size_t head_size,
                 AttentionScratch& scratch);

}  // namespace bertq::engine
