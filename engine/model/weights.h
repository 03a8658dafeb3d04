// What a Model holds: every layer's packed weights.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "engine/model/attention.h"
#include "engine/model/embeddings.h"
#include "engine/model/encoder_layer.h"
#include "engine/model/linear.h"
#include "engine/model/model.h"
#include "engine/model/tensor_source.h"
#include "engine/quantized/quantized_model.h"
#include "engine/runtime/arena.h"
#include "jit/kernels.h"

namespace bertq::engine {

struct Model::Impl {
  // Loads in the order of the forward pass, the arrays from `packed` if that is not null. Throws
  // what Model::load throws.
  Impl(const TensorSource& source, const ModelConfig& model_config, const Recipe& model_recipe,
       jit::Isa isa, Heads model_heads, const QuantizedPlan& plan,
       const loaders::Checkpoint* packed = nullptr);

  ModelConfig config;
  Recipe recipe;
  const jit::Kernels& kernels;
  Heads heads;
  Arena arena;                         // all that follows lies in it
  std::shared_ptr<const void> mapped;  // or in this file
  std::vector<NamedArray> arrays;      // the same as one list, in the order of the forward pass
  Attention attention;
  std::optional<Embeddings> embeddings;
  std::vector<EncoderLayer> layers;
  std::vector<SharedInputs> shared_inputs;  // by layer
  std::optional<Linear> pooler, classifier, span;
  // In another arithmetic than bertq's own: in place of all behind the embeddings.
  std::optional<QuantizedModel> quantized;

 private:
  void load(WeightLoader& loader);
  void load_quantized(WeightLoader& loader, const QuantizedPlan& plan);
  void load_heads(WeightLoader& loader);
};

}  // namespace bertq::engine
