// A linear layer: weights packed for the kernels, in the precision that the recipe chose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/model/input_format.h"
#include "engine/model/rows.h"
#include "engine/model/weight_loader.h"
#include "engine/precision/recipe.h"
#include "jit/gemm.h"

namespace bertq::engine {

// What follows the product, fused into its kernel.
struct Epilogue {
  jit::Activation activation = jit::Activation::none;
  bool residual = false;
  // Static ranges, or bf16, of the layer that reads the result: it is then written as tiles.
  std::optional<InputFormat> tiled_output = std::nullopt;
  // Outputs that it has once more, behind the others: the further columns of channels that it
  // splits.
  std::vector<std::uint32_t> repeated_outputs = {};
};

// y = epilogue(x * weight^T + bias). Immutable; any number of threads may run it at once.
class Linear {
 public:
  // Loads `module`.weight [outputs][inputs] (INT8 ones as int8_weights.h says) and `module`.bias.
  // Throws Error (input) for weights that are not finite or too large for bf16, for more inputs
  // than int32 sums can hold, and for a choice that does not fit the layer. `producer` is what the
  // input went through last.
  Linear(WeightLoader& loader, const std::string& module, std::size_t outputs, std::size_t inputs,
         const LayerChoice& choice, const Epilogue& epilogue,
         jit::Activation producer = jit::Activation::none);

  const std::string& module() const { return module_; }
  // With those that are repeated, and with the further columns of channels that are split.
  std::size_t outputs() const { return outputs_; }
  std::size_t inputs() const { return inputs_; }
  const InputFormat& input_format() const { return input_format_; }
  const jit::Gemm& kernel() const { return *gemm_; }
  jit::Operands operands() const { return input_format_.operands(); }

  // What the result is written as: f32 rows, or the tiles that its only reader takes.
  const InputFormat& output_format() const { return output_format_; }

  // Of INT8 and BF16 weights: whether all is zero that only fills up rows and columns.
  bool padding_is_zero() const;

  // Computes `columns` (from a multiple of 16 to one, or to outputs()) of the first `rows` rows.
  // Reads `in` in the form that input_format() names, writes `out` in that of output_format();
  // `residual` may be `out` itself. Needs an active jit::ThreadScope.
  void run(const Rows& in, const Rows& out, const FloatRows& residual, std::size_t rows,
           jit::Range columns) const;

 private:
  std::string module_;
  std::size_t outputs_, inputs_;
  InputFormat input_format_;
  InputFormat output_format_;
  const jit::Gemm* gemm_ = nullptr;
  const void* weights_ = nullptr;
  std::span<const float> bias_;
  std::span<const std::int32_t> compensation_;  // INT8 only, as is the scale
  std::span<const float> column_scale_;
};

}  // namespace bertq::engine
