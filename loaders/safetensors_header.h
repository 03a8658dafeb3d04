// The header of a safetensors file: a u64 length, that many bytes of JSON, then the tensors' data
// without a gap.
//
// Source: the format's README at huggingface/safetensors, and its reference reader's checks.
#pragma once

#include <cstdint>
#include <vector>

#include "loaders/byte_source.h"
#include "loaders/tensor.h"

namespace bertq::loaders {

// Bounds that keep what a header costs below twice its bytes and 16 MiB. The format itself has only
// the first.
inline constexpr std::uint64_t safetensors_header_limit = 100'000'000;
inline constexpr std::size_t safetensors_metadata_limit = 65'536;

// Reads and checks the whole header against the size of the source: its tensors, in its order.
// Throws FormatError.
std::vector<Tensor> read_safetensors_header(const ByteSource& source);

}  // namespace bertq::loaders
