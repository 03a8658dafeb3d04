#include "engine/model/packed_arrays.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "bertq/error.h"
#include "loaders/checksum.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 18U;  // stays in a core's own cache
constexpr std::size_t alignment = 64;

std::size_t round_up(std::size_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

std::size_t bytes_of(const loaders::Tensor& tensor) {
  return static_cast<std::size_t>(tensor.elements) * loaders::dtype_bytes(tensor.dtype);
}

std::string place_of(const std::string& file, std::string_view name) {
  return file + ": section " + loaders::printable(name);
}

// Whether an exponent is all ones. Of the bits, so that the compiler can do many at once.
template <typename Bits, Bits exponent>
bool all_finite(std::span<const std::byte> floats) {
  Bits bad = 0;
  for (std::size_t at = 0; at < floats.size(); at += sizeof(Bits)) {
    Bits bits = 0;
    std::memcpy(&bits, floats.data() + at, sizeof bits);
    bad |= static_cast<Bits>((bits & exponent) == exponent);
  }
  return bad == 0;
}
bool all_finite(loaders::DType dtype, std::span<const std::byte> elements) {
  if (dtype == loaders::DType::f32) return all_finite<std::uint32_t, 0x7f800000U>(elements);
  if (dtype == loaders::DType::bf16) return all_finite<std::uint16_t, 0x7f80U>(elements);
  return true;
}

// Checks an array piece by piece, as its bytes arrive.
class Check {
 public:
  explicit Check(const loaders::Tensor& tensor) : tensor_(tensor) {}

  void add(std::span<const std::byte> bytes) {
    if (tensor_.checksum) crc_ = loaders::crc32c(bytes, crc_);
    finite_ = finite_ && all_finite(tensor_.dtype, bytes);
  }
  void finish() const {
    if (tensor_.checksum && crc_ != tensor_.checksum->value) {
      throw loaders::FormatError(place_of(tensor_.file(), tensor_.name) +
                                 ": expected the checksum " +
                                 std::to_string(tensor_.checksum->value) + ", got " +
                                 std::to_string(crc_) + ": the file is damaged");
    }
    if (!finite_) {
      throw Error(ErrorKind::input,
                  place_of(tensor_.file(), tensor_.name) + ": expected finite numbers, got others");
    }
  }

 private:
  const loaders::Tensor& tensor_;
  std::uint32_t crc_ = 0;
  bool finite_ = true;
};

void read_checked(const loaders::Tensor& tensor, std::span<std::byte> out) {
  Check check(tensor);
  for (std::size_t at = 0; at < out.size(); at += piece_bytes) {
    const auto piece = out.subspan(at, std::min(piece_bytes, out.size() - at));
    tensor.source->read(tensor.offset + at, piece);
    check.add(piece);
  }
  check.finish();
}

}  // namespace

PackedArrays::PackedArrays(const loaders::Checkpoint& checkpoint, Arena& arena)
    : checkpoint_(checkpoint) {
  const loaders::ResidentBytes resident = checkpoint.sources.empty()
                                              ? loaders::ResidentBytes{}
                                              : checkpoint.sources.front()->resident();
  owner_ = resident.owner;
  for (const loaders::Tensor& tensor : checkpoint.tensors) {
    Stored& stored = arrays_[tensor.name];
    stored.tensor = &tensor;
    if (!owner_) continue;
    const auto bytes =
        resident.bytes.subspan(static_cast<std::size_t>(tensor.offset), bytes_of(tensor));
    Check check(tensor);
    check.add(bytes);
    check.finish();
    // Nobody writes to what is packed (WeightLoader::array).
    stored.begin = const_cast<std::byte*>(bytes.data());
  }
  if (!owner_) read_into(arena);
}

void PackedArrays::read_into(Arena& arena) {
  std::size_t total = 0;
  for (const loaders::Tensor& tensor : checkpoint_.tensors) total += round_up(bytes_of(tensor));
  std::span<std::byte> block = arena.allocate<std::byte>(total);
  for (const loaders::Tensor& tensor : checkpoint_.tensors) {
    const std::size_t bytes = bytes_of(tensor);
    arrays_.at(tensor.name).begin = block.data();
    read_checked(tensor, block.first(bytes));
    block = block.subspan(round_up(bytes));
  }
}

std::byte* PackedArrays::take(std::string_view name, loaders::DType dtype, std::size_t count) {
  const auto found = arrays_.find(name);
  if (found == arrays_.end() || found->second.taken) {
    throw Error(ErrorKind::input, place(name) + ": expected it among the arrays, found none");
  }
  const loaders::Tensor& tensor = *found->second.tensor;
  if (tensor.dtype != dtype || tensor.elements != count) {
    throw Error(ErrorKind::input, place(name) + ": expected " + std::to_string(count) +
                                      " elements of type " +
                                      std::string(loaders::dtype_name(dtype)) + ", got " +
                                      std::to_string(tensor.elements) + " of type " +
                                      std::string(loaders::dtype_name(tensor.dtype)));
  }
  found->second.taken = true;
  return found->second.begin;
}

std::string PackedArrays::place(std::string_view name) const {
  return place_of(checkpoint_.name, name);
}

void PackedArrays::require_all_taken() const {
  for (const auto& [name, stored] : arrays_) {
    if (stored.taken) continue;
    throw Error(ErrorKind::input, place(name) + ": expected no such array in this model");
  }
}

}  // namespace bertq::engine
