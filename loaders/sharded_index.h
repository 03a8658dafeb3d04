// "model.safetensors.index.json" and "pytorch_model.bin.index.json": {"metadata": {"total_size":
// bytes}, "weight_map": {tensor: file}}, and the shards that it names, as one checkpoint. Shards
// end as the index does without ".index.json".
//
// A shard is named by its plain file name and lies in the folder of the index: a name with a
// separator, or "..", is refused, so an index cannot reach out of its folder. Symbolic links in
// that folder are followed: whoever may write there chose their target, just as that of the index
// itself, and the Hugging Face cache keeps all files as links into ../../blobs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "loaders/checkpoint.h"

namespace bertq::loaders {

inline constexpr std::uint64_t index_bytes_limit = 16'000'000;
inline constexpr std::size_t shard_limit = 512;  // each is an open file

// Whether a file of this name is an index.
bool is_shard_index(const std::filesystem::path& path);

// Opens all shards and checks that each tensor is in the shard that the index says, and in no
// other. Throws FormatError.
Checkpoint open_shards(const std::filesystem::path& index);

}  // namespace bertq::loaders
