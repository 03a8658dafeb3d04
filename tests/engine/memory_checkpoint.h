// A checkpoint that never was a file: random tensors of the shapes that a config asks for, which
// tests may then spoil.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bertq/config.h"
#include "loaders/checkpoint.h"

namespace bertq::testing {

class MemoryCheckpoint final : public loaders::Checkpoint {
 public:
  // Weights about as large as keeps a layer's output in the order of its input, LayerNorm not the
  // identity, and a classifier of `labels` labels.
  MemoryCheckpoint(const ModelConfig& config, std::uint64_t seed, std::size_t labels = 2);

  const std::string& name() const override { return name_; }
  std::string_view format() const override { return "memory"; }
  std::uint64_t file_bytes() const override { return 0; }
  std::span<const loaders::TensorInfo> tensors() const override { return tensors_; }
  void read_f32(std::size_t index, std::uint64_t first, std::span<float> out) const override;

  // The values of a tensor that exists.
  std::vector<float>& values(const std::string& tensor);
  void erase(const std::string& tensor);
  loaders::TensorInfo& info(const std::string& tensor);

 private:
  std::size_t index_of(const std::string& tensor) const;

  std::string name_ = "memory";
  std::vector<loaders::TensorInfo> tensors_;
  std::vector<std::vector<float>> values_;
};

// A small BERT with GELU (erf) and room for sequences of `positions` tokens.
ModelConfig small_config(std::size_t hidden, std::size_t heads, std::size_t intermediate,
                         std::size_t layers, std::size_t positions = 64);

}  // namespace bertq::testing
