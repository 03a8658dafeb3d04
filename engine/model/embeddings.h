// The embedding tables and the LayerNorm on their sum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/model/config.h"
#include "engine/model/layer_norm.h"
#include "engine/model/packed_batch.h"
#include "engine/model/rows.h"
#include "engine/model/weight_loader.h"
#include "engine/precision/recipe.h"

namespace bertq::engine {

// The one table that a recipe can put in INT8 or BF16.
inline constexpr std::string_view word_embeddings_module = "bert.embeddings.word_embeddings";

// The words as f32 rows, as bf16 ones or, in INT8, s8 rows with one scale a row (as stored, where
// they are).
// Positions and segments are f32: they have a few per cent of the rows, and an error in them is the
// same in every token.
class Embeddings {
 public:
  // A checkpoint without segment table counts as one whose only segment is all zeros. Throws Error
  // (input) if the recipe wants positions or segments in INT8 or BF16.
  Embeddings(WeightLoader& loader, const ModelConfig& config, const Recipe& recipe);

  // Ids of segments lie below this.
  std::size_t segments() const { return segments_; }

  // Tokens `tokens` of the batch, which has been checked, into the first rows of `out`, normalised,
  // with `copies` as LayerNorm::run makes them. Needs an active jit::ThreadScope.
  void run(const PackedBatch& batch, jit::Range tokens, const FloatRows& out,
           std::span<const QuantizedCopy> copies, const Stopwatch& stopwatch) const;

 private:
  const float* load_f32(WeightLoader& loader, const std::string& tensor, std::size_t rows) const;
  void load_int8_words(WeightLoader& loader, std::size_t rows);
  void load_bf16_words(WeightLoader& loader, std::size_t rows);

  const jit::RowKernels* kernels_;
  Precision precision_;  // of the words
  std::size_t columns_;
  std::size_t segments_;
  const void* words_ = nullptr;
  const float* word_scales_ = nullptr;  // INT8 only
  const float *positions_, *segment_rows_;
  LayerNorm norm_;
};

}  // namespace bertq::engine
