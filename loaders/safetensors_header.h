// The header of a safetensors file: a u64 length, that many bytes of JSON, then the tensors' data
// without a gap.
//
// Source: the format's README at huggingface/safetensors, and its reference reader's checks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "loaders/byte_source.h"
#include "loaders/checkpoint.h"

namespace bertq::loaders {

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;     // as the header orders them
  std::vector<std::uint64_t> offsets;  // of each tensor's first byte in the file
};

// Bounds that keep what a header costs below twice its bytes and 16 MiB. The format itself has only
// the first.
inline constexpr std::uint64_t safetensors_header_limit = 100'000'000;
inline constexpr std::size_t safetensors_tensor_limit = 131'072;
inline constexpr std::size_t safetensors_metadata_limit = 65'536;
inline constexpr std::size_t safetensors_rank_limit = 8;

// Reads and checks the whole header against the size of the source. Throws FormatError.
SafetensorsHeader read_safetensors_header(const ByteSource& source);

}  // namespace bertq::loaders
