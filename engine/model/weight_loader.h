// Brings a model's tensors from their source into the arena, a bounded slice at a time.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "engine/model/tensor_source.h"
#include "engine/runtime/arena.h"
#include "jit/kernels.h"

namespace bertq {

// Used by one thread, within a jit::ThreadScope (quantisation rounds as MXCSR says).
class WeightLoader {
 public:
  WeightLoader(const TensorSource& source, const jit::Kernels& kernels, Arena& arena)
      : source_(source), kernels_(kernels), arena_(arena) {}

  const TensorSource& source() const { return source_; }
  const jit::Kernels& kernels() const { return kernels_; }
  Arena& arena() { return arena_; }

  // A vector, padded with zeros to a multiple of 16.
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
  std::vector<float> slice_;
};

}  // namespace bertq
