// The INT8 weights of one layer in a recipe's weights file (engine/precision/recipe.h says its
// form).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/precision/recipe.h"
#include "loaders/tensor.h"

namespace bertq::engine {

inline constexpr std::string_view rounded_weight = ".weight", rounded_scale = ".weight_scale";

class RoundedLayer {
 public:
  // Throws Error (input) naming the file and the tensor if the weights file is not open, lacks the
  // layer, or holds other types or shapes. `weights` must outlive this.
  RoundedLayer(const RoundedWeights& weights, const std::string& module, std::size_t outputs,
               std::size_t inputs);
  void read_scales(std::span<float> scales) const;  // [outputs]
  void read_weights(std::size_t output, std::span<std::int8_t> row) const;

 private:
  const loaders::Tensor* weight_;
  const loaders::Tensor* scale_;
};

}  // namespace bertq::engine
