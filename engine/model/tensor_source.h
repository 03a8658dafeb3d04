// Where a model's weights come from: a checkpoint, or a random generator for benchmarks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/tensor_names.h"

namespace bertq::engine {

// Tensors by canonical name (tensor_names.h), all of the shape that the config asks for.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  virtual bool has(std::string_view name) const = 0;
  // The first dimension of a tensor that exists.
  virtual std::size_t rows(std::string_view name) const = 0;
  // Elements [first, first + out.size()) in row-major order. Throws Error (input) naming file,
  // tensor and index if one is not finite.
  virtual void read(std::string_view name, std::uint64_t first, std::span<float> out) const = 0;
  // What a tensor, or a part of it that has a name of its own, is called in messages: with the file
  // and in the words of the file, where there is one.
  virtual std::string place(std::string_view name) const { return std::string(name); }

  // Of a tensor that is stored as symmetric integers of this type, x = scale * q: its scales, one
  // or one a row. Empty if it is stored as anything else. Throws Error (input), naming file and
  // tensor, for zero points other than 0 and scales that are no positive numbers.
  virtual std::vector<double> integer_scales(std::string_view name, loaders::DType dtype) const;
  // Elements of a tensor that integer_scales() has scales for.
  virtual void read_integers(std::string_view name, std::uint64_t first,
                             std::span<std::int8_t> out) const;
  virtual void read_integers(std::string_view name, std::uint64_t first,
                             std::span<std::int32_t> out) const;
};

class CheckpointSource final : public TensorSource {
 public:
  // `checkpoint` must outlive it. Reads what its files keep checksums of. Throws what find_tensors
  // throws.
  CheckpointSource(const loaders::Checkpoint& checkpoint, const ModelConfig& config);
  Heads heads() const { return heads_in(tensors_); }
  bool has(std::string_view name) const override;
  std::size_t rows(std::string_view name) const override;
  void read(std::string_view name, std::uint64_t first, std::span<float> out) const override;
  std::string place(std::string_view name) const override;
  std::vector<double> integer_scales(std::string_view name, loaders::DType dtype) const override;
  void read_integers(std::string_view name, std::uint64_t first,
                     std::span<std::int8_t> out) const override;
  void read_integers(std::string_view name, std::uint64_t first,
                     std::span<std::int32_t> out) const override;

 private:
  const loaders::Tensor& tensor(std::string_view name) const;

  std::string file_;
  BertTensors tensors_;
};

// Weights near BERT's own initialisation: tables, matrices and biases close to normal(0, 0.02),
// LayerNorm's gamma around 1. A value depends on seed, name and index only. The classifier has two
// labels; there is no span head.
class RandomSource final : public TensorSource {
 public:
  RandomSource(const ModelConfig& config, std::uint64_t seed);
  static constexpr Heads heads() { return {.pooler = true, .classifier = true, .span = false}; }
  bool has(std::string_view name) const override;
  std::size_t rows(std::string_view name) const override;
  void read(std::string_view name, std::uint64_t first, std::span<float> out) const override;

 private:
  std::vector<ExpectedTensor> tensors_;
  std::uint64_t seed_;
};

}  // namespace bertq::engine
