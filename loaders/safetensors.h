// One safetensors file as a checkpoint. open_safetensors is declared in checkpoint.h.
#pragma once

#include <memory>

#include "loaders/checkpoint.h"
#include "loaders/safetensors_header.h"

namespace bertq::loaders {

// Immutable after construction; any number of threads may read at once.
class Safetensors final : public Checkpoint {
 public:
  // Validates all metadata; throws FormatError.
  explicit Safetensors(std::unique_ptr<ByteSource> source);

  const std::string& name() const override { return source_->name(); }
  std::string_view format() const override { return "safetensors"; }
  std::uint64_t file_bytes() const override { return source_->size(); }
  std::span<const TensorInfo> tensors() const override { return header_.tensors; }
  void read_f32(std::size_t index, std::uint64_t first, std::span<float> out) const override;

 private:
  std::unique_ptr<ByteSource> source_;
  SafetensorsHeader header_;
};

}  // namespace bertq::loaders
