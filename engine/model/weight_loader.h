// Brings a model's tensors from their source into the arena, a bounded slice at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/model/tensor_source.h"
#include "engine/runtime/arena.h"
#include "jit/kernels.h"

namespace bertq {

// A part of a model's packed weights, under a name of its own: "bert.pooler.dense.weight.s8".
struct NamedArray {
  std::string name;
  loaders::DType dtype = loaders::DType::f32;
  std::span<std::byte> bytes;
};

template <typename T>
constexpr loaders::DType dtype_of();
template <>
constexpr loaders::DType dtype_of<float>() {
  return loaders::DType::f32;
}
template <>
constexpr loaders::DType dtype_of<std::int8_t>() {
  return loaders::DType::i8;
}
template <>
constexpr loaders::DType dtype_of<std::int32_t>() {
  return loaders::DType::i32;
}

// Used by one thread, within a jit::ThreadScope (quantisation rounds as MXCSR says).
class WeightLoader {
 public:
  WeightLoader(const TensorSource& source, const jit::Kernels& kernels, Arena& arena)
      : source_(source), kernels_(kernels), arena_(arena) {}

  const TensorSource& source() const { return source_; }
  const jit::Kernels& kernels() const { return kernels_; }

  // The next array of the model, zeroed, to be filled from the source's tensors. Lies in the arena.
  template <typename T>
  std::span<T> array(std::string name, std::size_t count) {
    const std::span<T> values = arena_.allocate<T>(count);
    arrays_.push_back({std::move(name), dtype_of<T>(), std::as_writable_bytes(values)});
    return values;
  }
  // All arrays so far, in the order in which they were asked for.
  std::vector<NamedArray> take_arrays() { return std::move(arrays_); }

  // A vector, padded with zeros to a multiple of 16: the array of this name.
  std::span<const float> vector(const std::string& name, std::size_t size);

  // Calls visit(row, rows) with successive rows of a [n][k] tensor, row-major, in slices of at most
  // 4 MiB (or one row). All slices but the last have a multiple of 16 rows where that fits.
  template <typename Visit>
  void for_each_slice(const std::string& name, std::size_t n, std::size_t k, Visit visit) {
    const std::size_t step = slice_rows(k);
    for (std::size_t row = 0; row < n; row += step) {
      const std::size_t rows = std::min(step, n - row);
      visit(row, read(name, row * k, rows * k));
    }
  }

 private:
  static std::size_t slice_rows(std::size_t k);
  std::span<const float> read(const std::string& name, std::size_t first, std::size_t count);

  const TensorSource& source_;
  const jit::Kernels& kernels_;
  Arena& arena_;
  std::vector<NamedArray> arrays_;
  std::vector<float> slice_;
};

}  // namespace bertq
