#include "memory_checkpoint.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "engine/model/tensor_names.h"
#include "support/random.h"

namespace bertq::testing {
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
  Random random(seed);
  for (ExpectedTensor& tensor : expected_tensors(config)) {
    if (tensor.part == Part::span) continue;
    std::replace(tensor.shape.begin(), tensor.shape.end(), any_size, std::uint64_t{labels});
    loaders::TensorInfo info;
    info.name = tensor.name;
    info.shape = tensor.shape;
    for (const std::uint64_t size : tensor.shape) info.elements *= size;
    info.file = name_;
    std::vector<float> values(info.elements);
    const std::size_t columns = tensor.shape.size() == 2 ? tensor.shape[1] : values.size();
    float row_size = 1.0F;
    for (std::size_t i = 0; i < values.size(); ++i) {
      // Some rows larger than others, as trained weights have them.
      if (i % columns == 0) row_size = std::exp(0.4F * random.bell());
      values[i] = random_value(tensor, row_size, random);
    }
    tensors_.push_back(std::move(info));
    values_.push_back(std::move(values));
  }
}

void MemoryCheckpoint::read_f32(std::size_t index, std::uint64_t first,
                                std::span<float> out) const {
  const std::vector<float>& values = values_.at(index);
  if (first + out.size() > values.size()) throw std::out_of_range("read beyond a tensor");
  std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(first), out.size(), out.begin());
}

std::vector<float>& MemoryCheckpoint::values(const std::string& tensor) {
  return values_[index_of(tensor)];
}

loaders::TensorInfo& MemoryCheckpoint::info(const std::string& tensor) {
  return tensors_[index_of(tensor)];
}

void MemoryCheckpoint::erase(const std::string& tensor) {
  const auto index = static_cast<std::ptrdiff_t>(index_of(tensor));
  tensors_.erase(tensors_.begin() + index);
  values_.erase(values_.begin() + index);
}

std::size_t MemoryCheckpoint::index_of(const std::string& tensor) const {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (tensors_[i].name == tensor) return i;
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
