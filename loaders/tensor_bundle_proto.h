// The three messages of a TensorFlow checkpoint's ".index": BundleHeaderProto, BundleEntryProto and
// the TensorShapeProto within it (tensor_bundle.proto, tensor_shape.proto), as Protocol Buffers
// write them.
//
// Fields that a reader does not know are passed over, as the format demands; groups, and known
// fields of another wire type, are refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "loaders/byte_source.h"

namespace bertq::loaders {

struct BundleHeader {
  std::uint64_t shards = 0;
  std::uint64_t endianness = 0;    // 0 little, 1 big
  std::uint64_t min_consumer = 0;  // the oldest version of a reader that may read it
};

struct BundleEntry {
  std::uint64_t dtype = 0;  // of types.proto
  std::vector<std::uint64_t> shape;
  std::uint64_t shard = 0;
  std::uint64_t offset = 0, bytes = 0;
  std::uint32_t crc = 0;     // masked CRC-32C of the bytes
  std::uint64_t slices = 0;  // of a partitioned variable, whose values lie in other entries
};

// `place` begins the message of the FormatError that they throw.
BundleHeader parse_bundle_header(std::span<const std::byte> message, const std::string& place);
// At most rank_limit dimensions, none of them negative or unknown.
BundleEntry parse_bundle_entry(std::span<const std::byte> message, const std::string& place);

}  // namespace bertq::loaders
