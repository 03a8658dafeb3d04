// "model.safetensors.index.json": {"metadata": {"total_size": bytes}, "weight_map": {tensor:
// file}}, and the shards that it names, as one checkpoint.
//
// A shard is named by its plain file name and lies in the folder of the index: a name with a
// separator, or "..", is refused, so an index cannot reach out of its folder. Symbolic links in
// that folder are followed: whoever may write there chose their target, just as that of the index
// itself, and the Hugging Face cache keeps all files as links into ../../blobs.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "loaders/checkpoint.h"
#include "loaders/safetensors.h"

namespace bertq::loaders {

inline constexpr std::uint64_t index_bytes_limit = 16'000'000;
inline constexpr std::size_t shard_limit = 512;  // each is an open file

// Immutable after construction; any number of threads may read at once.
class ShardedSafetensors final : public Checkpoint {
 public:
  // Opens all shards and checks that each tensor is in the shard that the index says, and in no
  // other. Throws FormatError.
  explicit ShardedSafetensors(const std::filesystem::path& index);

  const std::string& name() const override { return name_; }
  std::string_view format() const override { return "safetensors"; }
  std::uint64_t file_bytes() const override;
  std::span<const std::string> remarks() const override { return remarks_; }
  std::span<const TensorInfo> tensors() const override { return tensors_; }
  void read_f32(std::size_t index, std::uint64_t first, std::span<float> out) const override;

 private:
  std::string name_;
  std::vector<std::unique_ptr<Safetensors>> shards_;
  std::vector<TensorInfo> tensors_;       // of all shards, one after another
  std::vector<std::size_t> first_index_;  // in tensors_, of each shard
  std::vector<std::string> remarks_;
};

}  // namespace bertq::loaders
