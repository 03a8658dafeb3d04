// A linear layer: weights packed for the kernels, in the precision that the recipe chose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bertq/recipe.h"
#include "engine/model/input_format.h"
#include "engine/model/rows.h"
#include "engine/model/weight_loader.h"
#include "jit/gemm.h"

namespace bertq {

// What follows the product, fused into its kernel.
struct Epilogue {
  jit::Activation activation = jit::Activation::none;
  bool residual = false;
  // Static ranges of the layer that reads the result: it is then written as u8 tiles.
  std::optional<InputFormat> quantized_output = std::nullopt;
};

// y = epilogue(x * weight^T + bias). Immutable; any number of threads may run it at once.
class Linear {
 public:
  // Loads `module`.weight [outputs][inputs] and `module`.bias. INT8 weights that are stored as such
  // are taken as they are, whatever granularity the recipe asks for. Throws Error (input) for
  // weights that are not finite and for more inputs than int32 sums can hold. `producer` is what
  // the input went through last.
  Linear(WeightLoader& loader, const std::string& module, std::size_t outputs, std::size_t inputs,
         const LayerChoice& choice, const Epilogue& epilogue,
         jit::Activation producer = jit::Activation::none);

  const std::string& module() const { return module_; }
  std::size_t outputs() const { return outputs_; }
  std::size_t inputs() const { return inputs_; }
  const InputFormat& input_format() const { return input_format_; }

  // Of INT8 weights: whether all is zero that only fills up rows and columns.
  bool padding_is_zero() const;

  // Computes `columns` (from a multiple of 16 to one, or to outputs()) of the first `rows` rows.
  // Reads `in` in the form that input_format() names, writes `out` as f32, or as u8 where the
  // epilogue quantises; `residual` may be `out` itself. Needs an active jit::ThreadScope.
  void run(const Rows& in, const Rows& out, const FloatRows& residual, std::size_t rows,
           jit::Range columns) const;

 private:
  void load_int8(WeightLoader& loader, Granularity granularity);
  void quantize(WeightLoader& loader, Granularity granularity, std::int8_t* packed);
  void take_integers(WeightLoader& loader, const std::vector<double>& scales, std::int8_t* packed);
  void check_scales(const WeightLoader& loader) const;
  float largest_weight(WeightLoader& loader) const;

  std::string module_;
  std::size_t outputs_, inputs_;
  InputFormat input_format_;
  InputFormat output_format_;
  const jit::Gemm* gemm_ = nullptr;
  const void* weights_ = nullptr;
  std::span<const float> bias_;
  std::span<std::int32_t> compensation_;  // INT8 only, as is the scale
  std::span<float> column_scale_;
};

}  // namespace bertq
