// The file of INT8 weights that a recipe may have beside it (engine/precision/recipe.h says its
// form).
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "engine/calibration/round_weights.h"
#include "engine/precision/recipe.h"

namespace bertq::engine {

// The name that weights go by until they are a file.
inline constexpr const char* rounded_weights_name = "(rounded weights)";

// A safetensors file in memory, opened as a checkpoint and hashed: the same bytes for the same
// layers. None without layers.
RoundedWeights rounded_weights(const std::map<std::string, const Int8Layer*>& layers);

}  // namespace bertq::engine
