#include "engine/precision/rounded_weights.h"

#include <vector>

#include "bertq/error.h"
#include "loaders/checkpoint.h"

namespace bertq::engine {
namespace {

const loaders::Tensor* find(const RoundedWeights& weights, const std::string& name,
                            loaders::DType dtype, const std::vector<std::uint64_t>& shape) {
  const std::string place = (weights.name.empty() ? "recipe" : weights.name) + ": tensor " + name;
  const loaders::Tensor* tensor =
      weights.tensors == nullptr ? nullptr : weights.tensors->find(name);
  if (tensor == nullptr) throw Error(ErrorKind::input, place + ": expected it, got none");
  if (tensor->dtype == dtype && tensor->shape == shape) return tensor;
  std::string expected(loaders::dtype_name(dtype));
  for (const std::uint64_t size : shape) expected += " x " + std::to_string(size);
  throw Error(ErrorKind::input, place + ": expected " + expected + ", got another type or shape");
}

}  // namespace

RoundedLayer::RoundedLayer(const RoundedWeights& weights, const std::string& module,
                           std::size_t outputs, std::size_t inputs)
    : weight_(find(weights, module + std::string(rounded_weight), loaders::DType::i8,
                   {outputs, inputs})),
      scale_(find(weights, module + std::string(rounded_scale), loaders::DType::f32, {outputs})) {}

void RoundedLayer::read_scales(std::span<float> scales) const {
  loaders::read_f32(*scale_, 0, scales);
}

void RoundedLayer::read_weights(std::size_t output, std::span<std::int8_t> row) const {
  loaders::read_i8(*weight_, output * row.size(), row);
}

}  // namespace bertq::engine
