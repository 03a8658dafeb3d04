// A BERT whose linear layers keep the arithmetic of the system that quantised it. Everything
// between them (embeddings, attention, LayerNorm) is the engine's own, in FP32, as it was there.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/model/attention.h"
#include "engine/model/config.h"
#include "engine/model/layer_norm.h"
#include "engine/model/model.h"
#include "engine/model/weight_loader.h"
#include "engine/quantized/layer_form.h"
#include "engine/quantized/quantized_linear.h"
#include "engine/quantized/stored_quantization.h"

namespace bertq::engine {

// The ranges that a file gives, by module; empty for packed arrays.
using RangesByModule = std::map<std::string, LayerRanges, std::less<>>;

struct QuantizedLayer {
  // `prefix` is layer_prefix(its number).
  QuantizedLayer(WeightLoader& loader, const ModelConfig& config, const ModelForm& form,
                 const RangesByModule& ranges, const std::string& prefix);

  std::array<QuantizedLinear, 3> query_key_value;
  AttentionChoice attention;
  QuantizedLinear attention_output;
  LayerNorm attention_norm;
  QuantizedLinear intermediate;
  QuantizedLinear output;
  LayerNorm output_norm;
};

struct QuantizedModel {
  // Loads all but the embeddings, in the order of the forward pass. Throws Error (input).
  QuantizedModel(WeightLoader& loader, const ModelConfig& config, const ModelForm& model_form,
                 const RangesByModule& ranges, const Heads& heads);

  ModelForm form;
  std::vector<QuantizedLayer> layers;
  std::optional<QuantizedLinear> pooler, classifier, span;
};

// The recipe by which the embeddings of such a model are loaded.
Recipe embeddings_recipe(const ModelForm& form);

// How a checkpoint is to be computed, and all that is needed to load it so.
struct QuantizedPlan {
  ModelForm form;  // is_own(): bertq's own arithmetic
  RangesByModule ranges;
  // Where weights are still floats, they are quantised through this; else null.
  std::unique_ptr<const TensorSource> source;
};

// What `arithmetic` asks for, of a checkpoint whose tensors `source` has; both outlive the plan.
// Throws what the two below throw.
QuantizedPlan plan_for(const loaders::Checkpoint& checkpoint, const ModelConfig& config,
                       const TensorSource& source, const ArithmeticChoice& arithmetic);

// The arithmetic that the file itself has, if it has one. Throws what stored_quantization throws.
QuantizedPlan stored_plan(const loaders::Checkpoint& checkpoint, const ModelConfig& config,
                          const TensorSource& source);

// PyTorch's dynamic quantisation: of a file that has it, or of an FP32 one as quantize_dynamic
// would over {nn.Linear}. Throws Error (usage) where it is not known how many bits activations had
// and `reduced_range` does not say, Error (input) for a checkpoint that another system quantised.
QuantizedPlan torch_dynamic_plan(const loaders::Checkpoint& checkpoint, const ModelConfig& config,
                                 const TensorSource& source, std::optional<bool> reduced_range);
// The same of weights that come from no checkpoint.
QuantizedPlan torch_dynamic_plan(const ModelConfig& config, const TensorSource& source,
                                 bool reduced_range);

}  // namespace bertq::engine
