// A tensor of a checkpoint: where its elements lie and what they mean, and how they are read.
//
// Every format becomes this one view. A format's reader checks a view against the size of its
// source when the checkpoint is opened; nothing is allocated for elements before they are asked
// for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "loaders/byte_source.h"
#include "loaders/dtype.h"

namespace bertq::loaders {

// What the integers of a quantised tensor stand for: x = scale * (q - zero_point).
struct Affine {
  // One, or one for each index of dimension `axis`.
  std::vector<double> scales;
  std::vector<double> zero_points;  // whole numbers, but for tables of embeddings
  std::size_t axis = 0;
};

// A checksum that the format keeps of `bytes` bytes from `offset` on.
enum class ChecksumKind : std::uint8_t {
  crc32,          // zip
  crc32c,         // .bertq
  masked_crc32c,  // TensorFlow: the CRC rotated and offset, as LevelDB does
};
struct Checksum {
  ChecksumKind kind = ChecksumKind::crc32;
  std::uint32_t value = 0;
  std::uint64_t offset = 0, bytes = 0;
};

struct Tensor {
  std::string name;  // as the file has it
  DType dtype = DType::f32;
  std::vector<std::uint64_t> shape;          // empty: a scalar
  std::vector<std::uint64_t> strides;        // in elements, one a dimension; empty: row-major
  std::uint64_t elements = 1;                // product of shape, checked for overflow
  const ByteSource* source = nullptr;        // owned by the checkpoint
  std::uint64_t offset = 0;                  // of the first element in the source, in bytes
  std::shared_ptr<const Affine> affine;      // of a quantised tensor
  std::shared_ptr<const Checksum> checksum;  // where the format keeps one

  // The file or shard that holds it, for messages.
  const std::string& file() const { return source->name(); }
  // Whether it can be read as f32.
  bool is_real() const { return is_float(dtype) || affine != nullptr; }
};

// Of any checkpoint; more are refused, so that what opening one costs stays bounded.
inline constexpr std::size_t tensor_limit = 100'000;
inline constexpr std::size_t rank_limit = 8;

// The product of the sizes; empty if it does not fit 64 bits.
std::optional<std::uint64_t> element_count(std::span<const std::uint64_t> shape);
// From the first element to the last in memory, both counted; 0 if there are none. Empty if that
// does not fit 64 bits. `strides` as in Tensor.
std::optional<std::uint64_t> element_extent(std::span<const std::uint64_t> shape,
                                            std::span<const std::uint64_t> strides);

// The first of those whose name another one has too; null if all names differ.
const Tensor* repeated_name(std::span<const Tensor> tensors);

// The same elements with the two dimensions of a matrix exchanged. The affine's axis goes along.
Tensor transposed(const Tensor& matrix);

// Elements [first, first + out.size()) in row-major order of the shape. Thread-safe. Throw
// FormatError naming the tensor if its type is not the right one, std::out_of_range for elements
// that there are not, and what ByteSource::read throws.
//
// read_f32 widens floats (f64 is rounded to nearest) and dequantises: float(q - zero_point) *
// float(scale).
void read_f32(const Tensor& tensor, std::uint64_t first, std::span<float> out);
void read_f64(const Tensor& tensor, std::uint64_t first, std::span<double> out);
void read_i8(const Tensor& tensor, std::uint64_t first, std::span<std::int8_t> out);
void read_i32(const Tensor& tensor, std::uint64_t first, std::span<std::int32_t> out);
void read_i64(const Tensor& tensor, std::uint64_t first, std::span<std::int64_t> out);

// Reads all bytes that the tensor's checksum is of, if it has one, and compares. Throws FormatError
// naming the tensor.
void verify_checksum(const Tensor& tensor);

// The same of many tensors: what several share, as tensors of one storage do, is read once.
class ChecksumVerifier {
 public:
  void verify(const Tensor& tensor);

 private:
  std::set<const Checksum*> good_;
};

}  // namespace bertq::loaders
