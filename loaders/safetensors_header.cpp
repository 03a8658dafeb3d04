#include "loaders/safetensors_header.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "loaders/json_walk.h"
#include "loaders/printable.h"

namespace bertq::loaders {
namespace {

constexpr std::uint64_t length_bytes = 8;
// {"":{"dtype":"U8","shape":[],"data_offsets":[0,0]}, and no entry is shorter.
constexpr std::size_t shortest_entry = 50;

std::string text(std::uint64_t number) {
  return std::to_string(number);
}

std::optional<std::uint64_t> product(std::uint64_t a, std::uint64_t b) {
  if (a != 0 && b > std::numeric_limits<std::uint64_t>::max() / a) return std::nullopt;
  return a * b;
}

// Collects the entries as the parser meets them. Offsets are still relative to the data.
class Collector final : public JsonVisitor {
 public:
  Collector(const std::string& file, std::size_t header_bytes) : file_(file) {
    const std::size_t most = std::min(header_bytes / shortest_entry + 1, tensor_limit);
    tensors_.reserve(most);
  }

  void value(std::span<const std::string> path, bool in_array, const JsonValue& value) override {
    if (path.empty()) return;  // the text begins with '{'
    if (path.front() == metadata_key) return metadata(path, in_array, value);
    if (path.size() == 1) return begin_entry(path.front(), value);
    field(path[1], in_array, value);
  }

  void end(std::span<const std::string> path) override {
    if (path.size() == 1 && path.front() != metadata_key) end_entry();
    if (path.size() == 2) end_list(path[1]);
  }

  std::vector<Tensor>& tensors() { return tensors_; }
  std::vector<std::string>& metadata_keys() { return metadata_keys_; }

 private:
  static constexpr std::string_view metadata_key = "__metadata__";

  [[noreturn]] void fail(const std::string& place, const std::string& what) const {
    throw FormatError(file_ + ": " + place + ": " + what);
  }
  [[noreturn]] void refuse(const std::string& place, const std::string& expected,
                           const JsonValue& got) const {
    fail(place, "expected " + expected + ", got " + described(got));
  }
  std::string tensor() const { return "tensor " + printable(tensors_.back().name); }
  std::string tensor(std::string_view key) const { return tensor() + ": " + printable(key); }

  void metadata(std::span<const std::string> path, bool in_array, const JsonValue& value) {
    static const std::string key(metadata_key);
    if (path.size() == 1) {
      if (value.kind != JsonKind::object) refuse(key, "an object", value);
      if (std::exchange(has_metadata_, true)) fail("header", "duplicate key " + key);
      return;
    }
    if (value.kind != JsonKind::string || in_array) {
      refuse(key + ": " + printable(path[1]), "a string", value);
    }
    if (metadata_keys_.size() == safetensors_metadata_limit) {
      fail(key, "expected at most " + text(safetensors_metadata_limit) + " keys, got more");
    }
    metadata_keys_.push_back(path[1]);
  }

  void begin_entry(const std::string& name, const JsonValue& value) {
    if (tensors_.size() == tensor_limit) {
      fail("header", "expected at most " + text(tensor_limit) + " tensors, got more");
    }
    tensors_.emplace_back().name = name;
    seen_ = {};
    if (value.kind != JsonKind::object) refuse(tensor(), "an object", value);
  }

  void field(std::string_view key, bool in_array, const JsonValue& value) {
    if (in_array) {
      if (value.kind != JsonKind::natural) refuse(tensor(key), "an integer of 0 or more", value);
      if (count_ == list_limit(key)) {
        fail(tensor(key), "expected at most " + text(list_limit(key)) + " numbers, got more");
      }
      list_[count_++] = value.natural;
      return;
    }
    const auto known = std::find(fields.begin(), fields.end(), key);
    if (known == fields.end()) fail(tensor(), "unknown key " + printable(key));
    bool& seen = seen_[static_cast<std::size_t>(known - fields.begin())];
    if (std::exchange(seen, true)) fail(tensor(), "duplicate key " + printable(key));
    if (key == "dtype") return set_dtype(value);
    if (value.kind != JsonKind::array) refuse(tensor(key), "an array", value);
    count_ = 0;
  }

  static std::size_t list_limit(std::string_view key) { return key == "shape" ? rank_limit : 2; }

  void set_dtype(const JsonValue& value) {
    if (value.kind != JsonKind::string) refuse(tensor("dtype"), "a string", value);
    const std::optional<DType> dtype = dtype_named(value.text);
    if (!dtype) refuse(tensor("dtype"), "a known type such as F32 or BF16", value);
    tensors_.back().dtype = *dtype;
  }

  void end_list(std::string_view key) {
    Tensor& info = tensors_.back();
    const auto numbers = std::span(list_).first(count_);
    if (key == "shape") {
      info.shape.assign(numbers.begin(), numbers.end());
      return;
    }
    if (count_ != 2) fail(tensor(key), "expected 2 numbers, got " + text(count_));
    if (list_[1] < list_[0]) {
      fail(tensor(key), "expected begin <= end, got " + text(list_[0]) + " and " + text(list_[1]));
    }
    tensors_.back().offset = list_[0];
    given_bytes_ = list_[1] - list_[0];
  }

  void end_entry() {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (!seen_[i]) fail(tensor(), "expected a key " + std::string(fields[i]) + ", found none");
    }
    Tensor& info = tensors_.back();
    const std::optional<std::uint64_t> elements = element_count(info.shape);
    const auto bytes = elements ? product(*elements, dtype_bytes(info.dtype)) : std::nullopt;
    if (!bytes) fail(tensor("shape"), "expected fewer than 2^64 bytes, got more");
    info.elements = *elements;
    if (given_bytes_ != *bytes) {
      fail(tensor("data_offsets"), "expected " + text(*bytes) +
                                       " bytes for its shape and dtype, got " + text(given_bytes_));
    }
  }

  static constexpr std::array<std::string_view, 3> fields{"dtype", "shape", "data_offsets"};

  const std::string& file_;
  std::vector<Tensor> tensors_;
  std::vector<std::string> metadata_keys_;
  bool has_metadata_ = false;
  std::array<bool, fields.size()> seen_{};  // of the entry that is being read
  std::array<std::uint64_t, rank_limit> list_{};
  std::size_t count_ = 0;
  std::uint64_t given_bytes_ = 0;
};

// Parsers differ in which of two equal keys they keep, so a file with two is two files in one.
void refuse_duplicates(Collector& collected, const std::string& file) {
  if (const Tensor* twice = repeated_name(collected.tensors())) {
    throw FormatError(file + ": tensor " + printable(twice->name) + ": duplicate key");
  }
  std::vector<std::string>& keys = collected.metadata_keys();
  std::sort(keys.begin(), keys.end());
  const auto key = std::adjacent_find(keys.begin(), keys.end());
  if (key != keys.end()) {
    throw FormatError(file + ": __metadata__: duplicate key " + printable(*key));
  }
}

// The tensors' bytes, in order of their offsets, must fill the data exactly.
void check_tiling(Collector& collected, const std::string& file, std::uint64_t data_bytes) {
  const std::vector<Tensor>& tensors = collected.tensors();
  const auto bytes = [&](std::uint32_t i) {
    return tensors[i].elements * dtype_bytes(tensors[i].dtype);
  };
  std::vector<std::uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(tensors[a].offset, bytes(a)) < std::pair(tensors[b].offset, bytes(b));
  });
  std::uint64_t end = 0;
  for (const std::uint32_t i : order) {
    const std::string place = file + ": tensor " + printable(tensors[i].name);
    if (tensors[i].offset != end) {
      throw FormatError(place + ": data_offsets: expected to begin at " + text(end) + " (" +
                        (tensors[i].offset < end ? "an overlap" : "a hole") + "), got " +
                        text(tensors[i].offset));
    }
    end += bytes(i);
    if (end > data_bytes) {
      throw FormatError(place + ": data_offsets: expected at most " + text(data_bytes) +
                        ", the bytes of data in the file, got " + text(end));
    }
  }
  if (end != data_bytes) {
    throw FormatError(file + ": expected " + text(end) + " bytes of data, got " + text(data_bytes));
  }
}

std::uint64_t read_header_length(const ByteSource& source) {
  if (source.size() < length_bytes) {
    throw FormatError(source.name() + ": expected a checkpoint, got " + text(source.size()) +
                      " bytes");
  }
  std::array<std::byte, length_bytes> bytes{};
  source.read(0, bytes);
  const auto length = std::bit_cast<std::uint64_t>(bytes);
  const std::uint64_t most =
      std::min<std::uint64_t>(safetensors_header_limit, source.size() - length_bytes);
  if (length == 0 || length > most) {
    throw FormatError(source.name() + ": byte 0: expected the length of a safetensors header, 1.." +
                      text(most) + ", got " + text(length));
  }
  return length;
}

std::string read_header_text(const ByteSource& source, std::uint64_t length) {
  std::string header(static_cast<std::size_t>(length), '\0');
  source.read(length_bytes, std::as_writable_bytes(std::span(header)));
  if (header.front() != '{') {
    throw FormatError(source.name() + ": byte 8: expected '{', got '" +
                      printable(std::string_view(header).substr(0, 1)) + "'");
  }
  return header;
}

}  // namespace

std::vector<Tensor> read_safetensors_header(const ByteSource& source) {
  const std::uint64_t length = read_header_length(source);
  const std::uint64_t data_begin = length_bytes + length;
  Collector collected(source.name(), static_cast<std::size_t>(length));
  {
    const std::string header = read_header_text(source, length);
    walk_json(header, {source.name(), length_bytes}, collected);
  }
  refuse_duplicates(collected, source.name());
  check_tiling(collected, source.name(), source.size() - data_begin);

  std::vector<Tensor> tensors = std::move(collected.tensors());
  for (Tensor& tensor : tensors) {
    tensor.source = &source;
    tensor.offset += data_begin;
  }
  return tensors;
}

}  // namespace bertq::loaders
