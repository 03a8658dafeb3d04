// A checkpoint as named tensors, whatever its format. Opening one validates all its metadata
// against the size of its files and allocates nothing for the tensors; each tensor is read on its
// own when asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "loaders/byte_source.h"

namespace bertq::loaders {

// Element types that formats know. Whether one can be read as f32 is another question.
enum class DType : std::uint8_t {
  f64,
  f32,
  f16,
  bf16,
  f8_e4m3,
  f8_e5m2,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean
};
std::string_view dtype_name(DType dtype);  // "F16", as safetensors spells it
std::optional<DType> dtype_named(std::string_view name);
std::size_t dtype_bytes(DType dtype);
bool is_float(DType dtype);

struct TensorInfo {
  std::string name;  // as the file has it
  DType dtype = DType::f32;
  std::vector<std::uint64_t> shape;  // row-major; empty: a scalar
  std::uint64_t elements = 1;        // product of shape, checked for overflow
  std::string file;                  // the file or shard that holds it, for messages
};

class Checkpoint {
 public:
  virtual ~Checkpoint() = default;
  virtual const std::string& name() const = 0;  // the file, or the index of its shards
  virtual std::string_view format() const = 0;  // "safetensors"
  virtual std::uint64_t file_bytes() const = 0;
  // What is odd about the files but does no harm, a line each.
  virtual std::span<const std::string> remarks() const { return {}; }
  // In the order of the files.
  virtual std::span<const TensorInfo> tensors() const = 0;
  // Elements [first, first + out.size()) of tensor `index` in row-major order, widened (or, from
  // f64, rounded to nearest) to f32. Any float dtype; FormatError naming the tensor otherwise.
  // Thread-safe.
  virtual void read_f32(std::size_t index, std::uint64_t first, std::span<float> out) const = 0;
};

// Opens what `path` is: a file, or a folder that holds one checkpoint (model.safetensors, or
// *.safetensors.index.json with its shards). FormatError if there is none, naming what was sought.
std::unique_ptr<Checkpoint> open_checkpoint(const std::filesystem::path& path);
// Opens one safetensors file from any source.
std::unique_ptr<Checkpoint> open_safetensors(std::unique_ptr<ByteSource> source);

}  // namespace bertq::loaders
