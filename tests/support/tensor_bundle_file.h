// TensorFlow checkpoints, good ones and others, written without bertq's own reader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/leveldb_table_file.h"

namespace bertq::testing {

// Fields of a protobuf message.
inline std::string varint_field(std::uint64_t number, std::uint64_t value) {
  return varint_bytes(number << 3U) + varint_bytes(value);
}
inline std::string bytes_field(std::uint64_t number, std::string_view bytes) {
  return (varint_bytes(number << 3U | 2U) + varint_bytes(bytes.size())).append(bytes);
}
inline std::string fixed32_field(std::uint64_t number, std::uint32_t value) {
  return varint_bytes(number << 3U | 5U) + word_bytes(value);
}

inline std::string bundle_shape(const std::vector<std::uint64_t>& shape) {
  std::string message;
  for (const std::uint64_t size : shape) message += bytes_field(2, varint_field(1, size));
  return message;
}

inline std::string bundle_header(std::uint64_t shards, std::uint64_t endianness = 0) {
  return varint_field(1, shards) + (endianness == 0 ? "" : varint_field(2, endianness)) +
         bytes_field(3, varint_field(1, 1));
}

// What a checkpoint says of one tensor. Zeros are left out, as proto3 does.
struct BundleTensor {
  std::uint64_t dtype = 1;  // float
  std::vector<std::uint64_t> shape;
  std::uint64_t shard = 0, offset = 0, bytes = 0;
  std::uint32_t crc = 0;
  std::string more = {};  // further fields

  std::string message() const {
    std::string out = varint_field(1, dtype) + bytes_field(2, bundle_shape(shape));
    if (shard != 0) out += varint_field(3, shard);
    if (offset != 0) out += varint_field(4, offset);
    if (bytes != 0) out += varint_field(5, bytes);
    if (crc != 0) out += fixed32_field(6, crc);
    return out + more;
  }
};

// A good checkpoint of one shard.
class BundleFile {
 public:
  BundleFile& add(const std::string& name, std::uint64_t dtype,
                  const std::vector<std::uint64_t>& shape, std::string_view bytes) {
    entries_[name] =
        BundleTensor{dtype, shape, 0, data_.size(), bytes.size(), masked_crc32c_of(bytes)}
            .message();
    data_ += bytes;
    return *this;
  }
  BundleFile& add_f32(const std::string& name, const std::vector<std::uint64_t>& shape,
                      const std::vector<float>& values) {
    return add(name, 1, shape,
               {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
  }
  std::string index(const TableForm& form = {}) const {
    TableEntries all = entries_;
    all[""] = bundle_header(1);
    return table_bytes(all, form);
  }
  const std::string& data() const { return data_; }

 private:
  TableEntries entries_;
  std::string data_;
};

}  // namespace bertq::testing
