// A TensorFlow V2 checkpoint ("tensor bundle"), as tf.train.Saver writes it: "PREFIX.index", a
// LevelDB table of what there is, and the bytes in "PREFIX.data-00000-of-00001" and so on.
//
// In the table the empty key has a BundleHeaderProto; each other key is a variable's name and has a
// BundleEntryProto: type, shape, shard, offset, size and the masked CRC-32C of the bytes.
// Source: tensorflow/core/util/tensor_bundle, tensorflow/core/protobuf/tensor_bundle.proto.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "loaders/byte_source.h"
#include "loaders/checkpoint.h"

namespace bertq::loaders {

inline constexpr std::string_view tensorflow_format = "TensorFlow";

// More than any BERT has with all slots of its optimiser, and few enough that what opening costs
// stays bounded: an entry of the table may be as small as six bytes.
inline constexpr std::size_t bundle_tensor_limit = 32'768;
inline constexpr std::size_t bundle_name_bytes_limit = std::size_t{2} << 20U;  // of all together

// Opens the file that the prefix and this make: ".data-00000-of-00001". Throws FormatError if there
// is none.
using OpenShard = std::function<std::unique_ptr<const ByteSource>(const std::string& suffix)>;

// Opens all shards that the header counts, and checks each entry against its own. What is no number
// (strings, resources) is left out, with a remark. Throws FormatError, also for big-endian
// checkpoints and for partitioned variables.
Checkpoint open_tensorflow_checkpoint(const ByteSource& index, const OpenShard& open_shard);

}  // namespace bertq::loaders
