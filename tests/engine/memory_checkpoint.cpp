#include "memory_checkpoint.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "engine/model/tensor_names.h"
#include "support/random.h"

namespace bertq::testing {
using namespace engine;
namespace {

float random_value(const ExpectedTensor& tensor, float row_size, Random& random) {
  if (tensor.name.ends_with("LayerNorm.weight")) return 1.0F + 0.3F * random.bell();
  if (tensor.role == Role::vector) return 0.2F * random.bell();
  if (tensor.role == Role::table) return 0.5F * random.bell();
  return random.bell() * row_size / std::sqrt(static_cast<float>(tensor.shape[1]));
}

}  // namespace

MemoryCheckpoint::MemoryCheckpoint(const ModelConfig& config, std::uint64_t seed,
                                   std::size_t labels) {
  checkpoint_.name = "memory";
  checkpoint_.format = "memory";
  Random random(seed);
  for (ExpectedTensor& tensor : expected_tensors(config)) {
    std::replace(tensor.shape.begin(), tensor.shape.end(), any_size, std::uint64_t{labels});
    loaders::Tensor view;
    view.name = tensor.name;
    view.shape = tensor.shape;
    for (const std::uint64_t size : tensor.shape) view.elements *= size;
    std::vector<float> values(view.elements);
    const std::size_t columns = tensor.shape.size() == 2 ? tensor.shape[1] : values.size();
    float row_size = 1.0F;
    for (std::size_t i = 0; i < values.size(); ++i) {
      // Some rows larger than others, as trained weights have them.
      if (i % columns == 0) row_size = std::exp(0.4F * random.bell());
      values[i] = random_value(tensor, row_size, random);
    }
    checkpoint_.sources.push_back(
        loaders::open_memory(std::as_bytes(std::span(values)), checkpoint_.name));
    view.source = checkpoint_.sources.back().get();
    checkpoint_.tensors.push_back(std::move(view));
    values_.push_back(std::move(values));  // its elements stay where they are
  }
}

std::vector<float>& MemoryCheckpoint::values(const std::string& tensor) {
  return values_[index_of(tensor)];
}

loaders::Tensor& MemoryCheckpoint::tensor(const std::string& name) {
  return checkpoint_.tensors[index_of(name)];
}

void MemoryCheckpoint::erase(const std::string& tensor) {
  const auto index = static_cast<std::ptrdiff_t>(index_of(tensor));
  checkpoint_.tensors.erase(checkpoint_.tensors.begin() + index);
  values_.erase(values_.begin() + index);
}

std::size_t MemoryCheckpoint::index_of(const std::string& tensor) const {
  for (std::size_t i = 0; i < checkpoint_.tensors.size(); ++i) {
    if (checkpoint_.tensors[i].name == tensor) return i;
  }
  throw std::out_of_range("no tensor " + tensor);
}

ModelConfig small_config(std::size_t hidden, std::size_t heads, std::size_t intermediate,
                         std::size_t layers, std::size_t positions) {
  ModelConfig config;
  config.hidden = hidden;
  config.heads = heads;
  config.intermediate = intermediate;
  config.layers = layers;
  config.vocabulary = 97;
  config.positions = positions;
  config.segments = 2;
  config.layer_norm_epsilon = 1e-12F;
  return config;
}

}  // namespace bertq::testing
