// What a packed model's arrays must hold beside their numbers.
#pragma once

#include <string>

#include "engine/model/model.h"

namespace bertq::engine {

// Throws Error (input), naming `file` and the array, unless the padding of all INT8 weights is
// zero: the kernels multiply it with whatever pads the activations. Scales were checked when the
// model was loaded.
void check_packing(const Model& model, const std::string& file);

}  // namespace bertq::engine
