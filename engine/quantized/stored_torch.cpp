#include "engine/quantized/stored_torch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "bertq/error.h"
#include "engine/model/tensor_names.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

namespace names = quantized_names;

// From this version of torch.nn.quantized.dynamic.Linear on, activations have 7 bits.
constexpr std::int64_t first_reduced_version = 4;

struct Range {
  float scale = 0.0F, zero_point = 0.0F;
};

class TorchState {
 public:
  TorchState(const loaders::Checkpoint& checkpoint, const std::vector<NamedTensor>& tensors)
      : checkpoint_(checkpoint), index_(index_of(tensors)) {
    for (const auto& [path, value] : checkpoint.attributes) {
      attributes_.emplace(canonical_name(path), value);
    }
    for (const auto& [path, version] : checkpoint.module_versions) {
      versions_.emplace(canonical_name(path), version);
    }
  }

  // Of the module `module`: a tensor, or, from TorchScript, an attribute. Empty if there is none.
  std::optional<Range> range(const std::string& module) const {
    const std::optional<double> scale = number(name_of(module, names::scale));
    const std::optional<double> zero = number(name_of(module, names::zero_point));
    if (!scale || !zero) return std::nullopt;
    const Range range{static_cast<float>(*scale), static_cast<float>(*zero)};
    if (!std::isnormal(range.scale) || range.scale < 0.0F || !std::isnormal(1.0F / range.scale)) {
      fail(name_of(module, names::scale), "a positive scale", *scale);
    }
    if (!(*zero >= 0.0 && *zero <= 255.0)) {
      fail(name_of(module, names::zero_point), "0 to 255", *zero);
    }
    return range;
  }

  // Whether activations have 7 bits; unknown where the file has no versions.
  std::optional<bool> reduced_range(const std::string& module) const {
    if (versions_.empty()) return std::nullopt;
    const auto version = versions_.find(module);
    return version != versions_.end() && version->second >= first_reduced_version;
  }

  [[noreturn]] void missing(const std::string& what) const {
    throw Error(ErrorKind::input, checkpoint_.name + ": tensor " + loaders::printable(what) +
                                      ": expected the range of a layer's input, found none");
  }

 private:
  std::optional<double> number(const std::string& name) const {
    const auto tensor = index_.find(name);
    if (tensor != index_.end()) return single_number(*tensor->second);
    const auto attribute = attributes_.find(name);
    if (attribute == attributes_.end()) return std::nullopt;
    if (const auto* real = std::get_if<double>(&attribute->second)) return *real;
    if (const auto* integer = std::get_if<std::int64_t>(&attribute->second)) {
      return static_cast<double>(*integer);
    }
    return std::nullopt;
  }

  [[noreturn]] void fail(const std::string& name, const std::string& expected, double got) const {
    throw Error(ErrorKind::input, checkpoint_.name + ": tensor " + loaders::printable(name) +
                                      ": expected " + expected + ", got " + std::to_string(got));
  }

  const loaders::Checkpoint& checkpoint_;
  const TensorIndex index_;
  std::map<std::string, loaders::Attribute, std::less<>> attributes_;
  std::map<std::string, std::int64_t, std::less<>> versions_;
};

// LPOT's stub beside a module: "bert.pooler.dense" -> "bert.pooler.quant", "classifier" -> "quant".
std::string stub_of(const std::string& module) {
  const std::size_t dot = module.rfind('.');
  return dot == std::string::npos ? "quant" : module.substr(0, dot) + ".quant";
}

StoredLayer static_layer(const TorchState& state, const std::string& module) {
  const auto input = state.range(stub_of(module));
  const auto output = state.range(module);
  if (!input) state.missing(name_of(stub_of(module), names::scale));
  if (!output) state.missing(name_of(module, names::scale));
  StoredLayer layer;
  layer.arithmetic = Arithmetic::torch_static;
  layer.requantized = true;
  layer.ranges = {input->scale, input->zero_point, output->scale, output->zero_point};
  return layer;
}

StoredLayer dynamic_layer(const TorchState& state, const std::string& module) {
  StoredLayer layer;
  layer.arithmetic = Arithmetic::torch_dynamic;
  layer.reduced_range = state.reduced_range(module);
  return layer;
}

}  // namespace

StoredQuantization stored_torch(const loaders::Checkpoint& checkpoint,
                                const std::vector<NamedTensor>& tensors) {
  const TorchState state(checkpoint, tensors);
  const std::vector<PackedLinear> linears = torch_packed_linears(tensors);
  // The embeddings have a stub that nothing reads.
  const bool fixed = std::any_of(linears.begin(), linears.end(), [&](const PackedLinear& linear) {
    return linear.weight->affine != nullptr && state.range(stub_of(linear.module)).has_value();
  });
  StoredQuantization stored;
  bool fp16 = false;
  for (const PackedLinear& linear : linears) {
    if (linear.weight->affine == nullptr) {
      fp16 = true;
      continue;
    }
    const StoredLayer layer =
        fixed ? static_layer(state, linear.module) : dynamic_layer(state, linear.module);
    for (const std::string& part : parts_of(linear.module)) stored.layers.emplace(part, layer);
  }
  if (fixed) {
    stored.quantizer = Quantizer::torch_static;
  } else if (!stored.layers.empty()) {
    stored.quantizer = Quantizer::torch_dynamic;
  } else if (fp16) {
    stored.quantizer = Quantizer::torch_dynamic_fp16;
  }
  return stored;
}

}  // namespace bertq::engine
