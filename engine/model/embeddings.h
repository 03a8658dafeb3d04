// The embedding tables and the LayerNorm on their sum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "bertq/config.h"
#include "bertq/packed_batch.h"
#include "engine/model/layer_norm.h"
#include "engine/model/rows.h"
#include "engine/model/weight_loader.h"

namespace bertq {

// The module whose recipe entry decides for all three tables: their rows are added in one kernel.
inline constexpr std::string_view word_embeddings_module = "bert.embeddings.word_embeddings";

// f32 rows or, in INT8, s8 rows with one scale a row.
class Embeddings {
 public:
  // A checkpoint without segment table counts as one whose only segment is all zeros. Throws Error
  // (input) if the recipe treats the tables differently.
  Embeddings(WeightLoader& loader, const ModelConfig& config, const Recipe& recipe);

  // Ids of segments lie below this.
  std::size_t segments() const { return segments_; }

  // Tokens `tokens` of the batch, which has been checked, into the first rows of `out`, normalised,
  // with `copies` as LayerNorm::run makes them. Needs an active jit::ThreadScope.
  void run(const PackedBatch& batch, jit::Range tokens, const FloatRows& out,
           std::span<const QuantizedCopy> copies) const;

 private:
  struct Table {
    const void* rows = nullptr;
    const float* scale = nullptr;  // INT8 only
  };
  Table load(WeightLoader& loader, std::string_view name, std::size_t rows) const;
  Table load_f32(WeightLoader& loader, const std::string& tensor, std::size_t rows) const;
  Table load_int8(WeightLoader& loader, const std::string& tensor, std::size_t rows) const;

  const jit::RowKernels* kernels_;
  bool int8_;
  std::size_t columns_;
  std::size_t segments_;
  Table word_, position_, segment_;
  LayerNorm norm_;
};

}  // namespace bertq
