// Brings a model's tensors from their source into the arena, a bounded slice at a time, or its
// packed arrays from where they are stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/model/packed_arrays.h"
#include "engine/model/tensor_source.h"
#include "engine/precision/recipe.h"
#include "engine/runtime/arena.h"
#include "jit/kernels.h"

namespace bertq::engine {

// A part of a model's packed weights, under a name of its own: "bert.pooler.dense.weight.s8".
struct NamedArray {
  std::string name;
  loaders::DType dtype = loaders::DType::f32;
  std::span<const std::byte> bytes;
};

template <typename T>
constexpr loaders::DType dtype_of();
template <>
constexpr loaders::DType dtype_of<float>() {
  return loaders::DType::f32;
}
// The bits of bf16: no array holds integers of this size.
template <>
constexpr loaders::DType dtype_of<std::uint16_t>() {
  return loaders::DType::bf16;
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
  // With `stored`, the arrays come from there and the source knows names and sizes alone.
  WeightLoader(const TensorSource& source, const jit::Kernels& kernels, Arena& arena,
               PackedArrays* stored = nullptr, const RoundedWeights* rounded = nullptr)
      : source_(source), kernels_(kernels), arena_(arena), stored_(stored), rounded_(rounded) {}

  const TensorSource& source() const { return source_; }
  const jit::Kernels& kernels() const { return kernels_; }
  // The recipe's.
  const RoundedWeights& rounded_weights() const;

  // Whether array() hands out what is stored: then nothing may be written to it, nor read from the
  // source's tensors.
  bool is_packed() const { return stored_ != nullptr; }

  // The next array of the model. Unless is_packed(), zeroed, to be filled from the source's
  // tensors; it lies in the arena.
  template <typename T>
  std::span<T> array(std::string name, std::size_t count) {
    T* const values = stored_ == nullptr
                          ? arena_.allocate<T>(count).data()
                          : reinterpret_cast<T*>(stored_->take(name, dtype_of<T>(), count));
    arrays_.push_back({std::move(name), dtype_of<T>(), std::as_bytes(std::span(values, count))});
    return {values, count};
  }
  // Memory beside the arrays, zeroed: for what follows from them.
  template <typename T>
  std::span<T> derived(std::size_t count) {
    return arena_.allocate<T>(count);
  }
  // What an array, or the tensor that it is made from, is called in messages: with its file.
  std::string place(const std::string& name) const {
    return stored_ == nullptr ? source_.place(name) : stored_->place(name);
  }
  // Throws Error (input) naming the module's weight for more inputs than int32 sums can hold.
  void check_inputs(const std::string& module, std::size_t inputs) const;
  // All arrays so far, in the order in which they were asked for.
  std::vector<NamedArray> take_arrays() { return std::move(arrays_); }

  // The weight [outputs][inputs] of a linear layer, packed for FP32 products; the outputs named in
  // `repeated` once more behind the others.
  const float* f32_weight(const std::string& module, std::size_t outputs, std::size_t inputs,
                          std::span<const std::uint32_t> repeated);
  // The same rounded to bf16. Throws Error (input) for weights that bf16 cannot hold.
  const std::uint16_t* bf16_weight(const std::string& module, std::size_t outputs,
                                   std::size_t inputs, std::span<const std::uint32_t> repeated);
  // What the largest magnitude after rounding to bf16 must be; otherwise throws Error (input).
  void require_bf16(float largest, const std::string& tensor) const;

  // A vector, padded with zeros to a multiple of 16: the array of this name. Where it is not stored
  // as packed, `added` (as long, or empty) is added to what the source has. The elements named in
  // `repeated` come once more behind the others.
  std::span<const float> vector(const std::string& name, std::size_t size,
                                std::span<const float> added = {},
                                std::span<const std::uint32_t> repeated = {});

  // Calls visit(row, slice) with successive rows of a [n][k] tensor, row-major, in slices of at
  // most 4 MiB (or one row). All slices but the last have a multiple of 16 rows where that fits.
  template <typename Visit>
  void for_each_slice(const std::string& name, std::size_t n, std::size_t k, Visit visit) {
    const std::size_t step = slice_rows(k);
    for (std::size_t row = 0; row < n; row += step) {
      const std::size_t rows = std::min(step, n - row);
      visit(row, read(name, row * k, rows * k));
    }
  }

  // The same of a tensor that is stored as INT8 (TensorSource::integer_scales).
  template <typename Visit>
  void for_each_int8_slice(const std::string& name, std::size_t n, std::size_t k, Visit visit) {
    const std::size_t step = slice_rows(k);
    std::vector<std::int8_t> slice(std::min(step, n) * k);
    for (std::size_t row = 0; row < n; row += step) {
      const std::span<std::int8_t> rows = std::span(slice).first(std::min(step, n - row) * k);
      source_.read_integers(name, row * k, rows);
      visit(row, std::span<const std::int8_t>(rows));
    }
  }

 private:
  static std::size_t slice_rows(std::size_t k);
  std::span<const float> read(const std::string& name, std::size_t first, std::size_t count);

  const TensorSource& source_;
  const jit::Kernels& kernels_;
  Arena& arena_;
  PackedArrays* stored_;
  const RoundedWeights* rounded_;
  std::vector<NamedArray> arrays_;
  std::vector<float> slice_;
};

}  // namespace bertq::engine
