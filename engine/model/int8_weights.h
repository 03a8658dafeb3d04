// The INT8 weights of a linear layer, as its recipe's choice makes them from what the checkpoint
// holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/model/weight_loader.h"
#include "engine/precision/recipe.h"

namespace bertq::engine {

struct Int8Weights {
  const std::int8_t* packed = nullptr;         // for the kernels: outputs x columns of the input
  std::span<const std::int32_t> compensation;  // [outputs], padded: sum of zero point * weight
  std::span<const float> column_scale;         // [outputs], padded
};

// Loads `module`.weight [outputs][inputs]. Weights that are stored as INT8 are taken as they are,
// whatever granularity and clipping the recipe asks for. The columns of the input are its channels
// and those that the choice splits off them; the outputs named in `repeated` come once more behind
// the others. `dynamic_zero_point` is that of the input where its ranges are dynamic. Throws Error
// (input) for weights that are not finite, for more inputs than int32 sums can hold, and for a
// choice that does not fit the layer.
Int8Weights load_int8_weights(WeightLoader& loader, const std::string& module, std::size_t outputs,
                              std::size_t inputs, const LayerChoice& choice,
                              std::span<const std::uint32_t> repeated,
                              std::int32_t dynamic_zero_point);

// Whether all is zero that only fills up rows and columns.
bool padding_is_zero(const std::int8_t* packed, std::size_t outputs, std::size_t columns);

}  // namespace bertq::engine
