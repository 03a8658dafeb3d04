// The bytes of safetensors files, good ones and others, written without bertq's own reader.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bertq::testing {

inline std::string u64_bytes(std::uint64_t value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

// `header` as it is, after its length.
inline std::string safetensors_bytes(std::string_view header, std::string_view data) {
  return u64_bytes(header.size()).append(header).append(data);
}

// The header's entry of one tensor.
inline std::string safetensors_entry(std::string_view name, std::string_view dtype,
                                     const std::vector<std::uint64_t>& shape, std::uint64_t begin,
                                     std::uint64_t end) {
  std::string entry;
  entry.append(1, '"').append(name).append(R"(":{"dtype":")").append(dtype);
  entry.append(R"(","shape":[)");
  for (std::size_t i = 0; i < shape.size(); ++i) {
    entry.append(i == 0 ? "" : ",").append(std::to_string(shape[i]));
  }
  entry.append(R"(],"data_offsets":[)").append(std::to_string(begin));
  return entry.append(1, ',').append(std::to_string(end)).append("]}");
}

// A good file, one tensor after another.
class SafetensorsFile {
 public:
  SafetensorsFile& add(std::string_view name, std::string_view dtype,
                       const std::vector<std::uint64_t>& shape, std::string_view bytes) {
    if (!entries_.empty()) entries_ += ',';
    entries_ += safetensors_entry(name, dtype, shape, data_.size(), data_.size() + bytes.size());
    data_ += bytes;
    return *this;
  }
  SafetensorsFile& add_f32(std::string_view name, const std::vector<std::uint64_t>& shape,
                           const std::vector<float>& values) {
    return add(name, "F32", shape,
               {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
  }
  std::string bytes() const {
    return safetensors_bytes(std::string(1, '{').append(entries_).append(1, '}'), data_);
  }

 private:
  std::string entries_, data_;
};

}  // namespace bertq::testing
