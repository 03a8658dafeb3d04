// A checkpoint that never was a file: random tensors of the shapes that a config asks for, which
// tests may then spoil.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/model/config.h"
#include "loaders/checkpoint.h"

namespace bertq::testing {
using namespace engine;

class MemoryCheckpoint {
 public:
  // Weights about as large as keeps a layer's output in the order of its input, LayerNorm not the
  // identity, a classifier of `labels` labels and a span
  // head.
  MemoryCheckpoint(const ModelConfig& config, std::uint64_t seed, std::size_t labels = 2);

  operator const loaders::Checkpoint&() const { return checkpoint_; }

  // The values of a tensor that exists.
  std::vector<float>& values(const std::string& tensor);
  void erase(const std::string& tensor);
  loaders::Tensor& tensor(const std::string& name);

 private:
  std::size_t index_of(const std::string& tensor) const;

  loaders::Checkpoint checkpoint_;
  std::vector<std::vector<float>> values_;  // of each tensor
};

// A small BERT with GELU (erf) and room for sequences of `positions` tokens.
ModelConfig small_config(std::size_t hidden, std::size_t heads, std::size_t intermediate,
                         std::size_t layers, std::size_t positions = 64);

}  // namespace bertq::testing
