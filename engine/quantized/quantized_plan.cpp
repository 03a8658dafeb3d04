#include <numeric>
#include <utility>

#include "bertq/error.h"
#include "engine/model/embeddings.h"
#include "engine/model/tensor_names.h"
#include "engine/quantized/quantized_model.h"
#include "engine/quantized/quantizing_source.h"

namespace bertq::engine {
namespace {

using Elements = std::map<std::string, std::uint64_t>;

std::uint64_t elements_of(const ExpectedTensor& tensor, const TensorSource& source) {
  return std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::uint64_t{1},
                         [&](std::uint64_t product, std::uint64_t size) {
                           return product * (size == any_size ? source.rows(tensor.name) : size);
                         });
}

// The weights, of all that the config asks for and the source has, that `wanted(module)` holds for.
template <typename Wanted>
Elements weights_of(const ModelConfig& config, const TensorSource& source, Wanted wanted) {
  Elements weights;
  for (const ExpectedTensor& tensor : expected_tensors(config)) {
    if (tensor.role == Role::vector || !source.has(tensor.name)) continue;
    if (wanted(tensor)) weights.emplace(tensor.name, elements_of(tensor, source));
  }
  return weights;
}

[[noreturn]] void refuse_unknown_range(const std::string& file) {
  throw Error(ErrorKind::usage,
              file +
                  ": does not say which PyTorch quantised it: --reduce-range yes for 1.7 and "
                  "later, whose activations have 7 bits, --reduce-range no for earlier ones");
}

QuantizedPlan dynamic_plan_of_file(const StoredQuantization& stored, const std::string& file,
                                   std::optional<bool> reduced_range) {
  QuantizedPlan plan;
  for (const auto& [module, layer] : stored.layers) {
    const std::optional<bool> reduced =
        reduced_range.has_value() ? reduced_range : layer.reduced_range;
    if (!reduced) refuse_unknown_range(file);
    plan.form.layers[module] = {Arithmetic::torch_dynamic, false, *reduced};
  }
  return plan;
}

// Every linear layer in FP32, in words that tell it from bertq's own arithmetic.
QuantizedPlan fp32_plan(const ModelConfig& config) {
  QuantizedPlan plan;
  for (const ExpectedTensor& tensor : expected_tensors(config)) {
    if (tensor.role != Role::linear) continue;
    plan.form.layers[std::string(module_of(tensor.name))] = LayerForm{};
  }
  return plan;
}

}  // namespace

QuantizedPlan plan_for(const loaders::Checkpoint& checkpoint, const ModelConfig& config,
                       const TensorSource& source, const ArithmeticChoice& arithmetic) {
  switch (arithmetic.kind) {
    case ArithmeticChoice::Kind::own:
      break;
    case ArithmeticChoice::Kind::stored:
      return stored_plan(checkpoint, config, source);
    case ArithmeticChoice::Kind::torch_dynamic:
      return torch_dynamic_plan(checkpoint, config, source, arithmetic.reduced_range);
  }
  return {};
}

QuantizedPlan stored_plan(const loaders::Checkpoint& checkpoint, const ModelConfig& config,
                          const TensorSource& source) {
  const StoredQuantization stored = stored_quantization(checkpoint, config);
  QuantizedPlan plan;
  if (!stored.has_arithmetic()) return plan;
  for (const auto& [module, layer] : stored.layers) {
    plan.form.layers[module] = {layer.arithmetic, layer.requantized, false};
    plan.ranges[module] = layer.ranges;
  }
  // Q8BERT's training form has float weights. Those of a table are fewer, but rounded too.
  const auto is_q8bert = [&](const ExpectedTensor& tensor) {
    return stored.quantizer == Quantizer::q8bert && stored.layers.contains(module_of(tensor.name));
  };
  plan.source = std::make_unique<QuantizingSource>(source, WeightScheme::q8bert,
                                                   weights_of(config, source, is_q8bert));
  plan.form.int8_words =
      stored.quantizer == Quantizer::q8bert && stored.layers.contains(word_embeddings_module);
  return plan;
}

QuantizedPlan torch_dynamic_plan(const loaders::Checkpoint& checkpoint, const ModelConfig& config,
                                 const TensorSource& source, std::optional<bool> reduced_range) {
  const StoredQuantization stored = stored_quantization(checkpoint, config);
  switch (stored.quantizer) {
    case Quantizer::none:
      return torch_dynamic_plan(config, source, reduced_range.value_or(true));
    case Quantizer::torch_dynamic:
      return dynamic_plan_of_file(stored, checkpoint.name, reduced_range);
    case Quantizer::torch_dynamic_fp16:
      return fp32_plan(config);
    case Quantizer::torch_static:
    case Quantizer::q8bert:
      break;
  }
  throw Error(ErrorKind::input, checkpoint.name +
                                    ": expected FP32 weights or PyTorch's dynamic quantisation for "
                                    "torch-dynamic, got " +
                                    std::string(quantizer_name(stored.quantizer)));
}

QuantizedPlan torch_dynamic_plan(const ModelConfig& config, const TensorSource& source,
                                 bool reduced_range) {
  const auto is_linear = [](const ExpectedTensor& tensor) { return tensor.role == Role::linear; };
  const Elements weights = weights_of(config, source, is_linear);
  QuantizedPlan plan;
  for (const auto& [name, elements] : weights) {
    plan.form.layers[std::string(module_of(name))] = {Arithmetic::torch_dynamic, false,
                                                      reduced_range};
  }
  plan.source = std::make_unique<QuantizingSource>(source, WeightScheme::torch, weights);
  return plan;
}

}  // namespace bertq::engine
