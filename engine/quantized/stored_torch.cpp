#include "engine/quantized/stored_torch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "bertq/error.h"
#include "engine/model/tensor_names.h"
#include "engine/quantized/wrappers.h"
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
    add(checkpoint.attributes, attributes_);
    add(checkpoint.module_versions, versions_);
  }

  // Of a module's result: tensors, or, from TorchScript, attributes. Empty if there are none.
  std::optional<Range> range(const std::string& module) const {
    return range_of(name_of(module, names::scale), name_of(module, names::zero_point));
  }
  // Of its input: through the stub beside it, or its own.
  std::optional<Range> input_range(const std::string& module) const {
    const auto stub = range(stub_beside(module));
    if (stub) return stub;
    return range_of(name_of(module, names::input_scale), name_of(module, names::input_zero_point));
  }

  // Whether activations have 7 bits; unknown where the file has no versions.
  std::optional<bool> reduced_range(const std::string& module) const {
    if (versions_.empty()) return std::nullopt;
    const auto version = versions_.find(module);
    return version != versions_.end() && version->second >= first_reduced_version;
  }

  [[noreturn]] void missing(const std::string& what) const {
    throw Error(ErrorKind::input,
                checkpoint_.name + ": tensor " + loaders::printable(what) +
                    ": expected the range of a layer's input or result, found none");
  }

 private:
  // What a wrapper holds counts, not the wrapper.
  template <typename From, typename To>
  static void add(const From& from, To& to) {
    for (const auto& [path, value] : from) {
      const std::string canonical = canonical_name(path);
      std::string name = unwrapped_name(canonical);
      if (name == canonical) {
        to.emplace(std::move(name), value);
      } else {
        to.insert_or_assign(std::move(name), value);
      }
    }
  }

  std::optional<Range> range_of(const std::string& scale_name, const std::string& zero_name) const {
    const std::optional<double> scale = number(scale_name);
    const std::optional<double> zero = number(zero_name);
    if (!scale && !zero) return std::nullopt;
    if (!scale) missing(scale_name);
    if (!zero) missing(zero_name);
    const Range range{static_cast<float>(*scale), static_cast<float>(*zero)};
    if (!std::isnormal(range.scale) || range.scale < 0.0F || !std::isnormal(1.0F / range.scale)) {
      fail(scale_name, "a positive scale", *scale);
    }
    if (!(*zero >= 0.0 && *zero <= 255.0 && *zero == std::floor(*zero))) {
      fail(zero_name, "0 to 255", *zero);
    }
    return range;
  }

  std::optional<double> number(const std::string& name) const {
    const auto tensor = index_.find(name);
    if (tensor != index_.end()) return numbers_.read(*tensor->second);
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
  mutable NumberReader numbers_;
  std::map<std::string, loaders::Attribute, std::less<>> attributes_;
  std::map<std::string, std::int64_t, std::less<>> versions_;
};

// `result`: the module that rounds what the layer computes.
StoredLayer fixed_layer(const TorchState& state, const std::string& module, Arithmetic arithmetic,
                        const std::string& result) {
  const auto input = state.input_range(module);
  const auto output = state.range(result);
  if (!input) state.missing(name_of(stub_beside(module), names::scale));
  if (!output) state.missing(name_of(result, names::scale));
  StoredLayer layer;
  layer.arithmetic = arithmetic;
  layer.requantized = true;
  layer.ranges = {input->scale, input->zero_point, output->scale, output->zero_point};
  return layer;
}

// Layers that LPOT let fall back to FP32 while both sides of them stay quantised: it wraps them,
// and a stub of the wrapper rounds their results.
void add_wrapped(const TorchState& state, const std::vector<NamedTensor>& tensors,
                 StoredQuantization& stored) {
  constexpr std::string_view weight = ".weight";
  for (const NamedTensor& named : tensors) {
    if (!named.name.ends_with(weight) || named.tensor.affine != nullptr) continue;
    const std::string module(module_of(named.name));
    if (!state.range(stub_within(module))) continue;
    if (named.tensor.shape.size() != 2 || part_of(named.name) == Part::embeddings) {
      throw Error(ErrorKind::input,
                  named.tensor.file() + ": tensor " + loaders::printable(named.tensor.name) +
                      ": expected the weight of a linear layer in this wrapper, got another");
    }
    const StoredLayer layer =
        fixed_layer(state, module, Arithmetic::torch_static_fp32, stub_within(module));
    for (const std::string& part : parts_of(module)) stored.layers.emplace(part, layer);
  }
}

StoredLayer dynamic_layer(const TorchState& state, const std::string& module) {
  StoredLayer layer;
  layer.arithmetic = Arithmetic::torch_dynamic;
  layer.reduced_range = state.reduced_range(module);
  return layer;
}

}  // namespace

StoredQuantization stored_torch(const loaders::Checkpoint& checkpoint,
                                std::vector<NamedTensor> tensors) {
  tensors = unwrapped(std::move(tensors));
  const TorchState state(checkpoint, tensors);
  const std::vector<PackedLinear> linears = torch_packed_linears(tensors);
  StoredQuantization stored;
  add_wrapped(state, tensors, stored);
  // The embeddings have a stub that nothing reads.
  const auto has_range = [&](const PackedLinear& linear) {
    return linear.weight->affine != nullptr && state.input_range(linear.module).has_value();
  };
  const bool fixed =
      !stored.layers.empty() || std::any_of(linears.begin(), linears.end(), has_range);
  bool fp16 = false;
  for (const PackedLinear& linear : linears) {
    if (linear.weight->affine == nullptr) {
      fp16 = true;
      continue;
    }
    const StoredLayer layer =
        fixed ? fixed_layer(state, linear.module, Arithmetic::torch_static, linear.module)
              : dynamic_layer(state, linear.module);
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
