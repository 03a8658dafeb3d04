// LayerNorm, and the step that always follows it: quantising its result for the layers that read
// it.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "engine/model/input_format.h"
#include "engine/model/rows.h"
#include "engine/model/stopwatch.h"
#include "engine/model/weight_loader.h"

namespace bertq::engine {

// A quantised copy of rows, for a layer whose input has this format.
struct QuantizedCopy {
  InputFormat format;
  TileRows rows;
};

class LayerNorm {
 public:
  // Loads `module`.weight and `module`.bias.
  LayerNorm(WeightLoader& loader, const std::string& module, std::size_t columns, float epsilon);

  // Normalises the first `rows` rows of `x` in place and fills `copies` from them, 16 rows at a
  // time, so that the copies are made from the cache. Throws Error (input) naming the module if a
  // value is not finite. Needs an active jit::ThreadScope.
  void run(const FloatRows& x, std::size_t rows, std::span<const QuantizedCopy> copies,
           const Stopwatch& stopwatch) const;

 private:
  std::string module_;
  const jit::RowKernels* kernels_;
  std::size_t columns_;
  float epsilon_;
  std::span<const float> gamma_, beta_;
};

}  // namespace bertq::engine
