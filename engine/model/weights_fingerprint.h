// Which weights a recipe was made for.
#pragma once

#include <string>

#include "engine/model/config.h"
#include "loaders/checkpoint.h"

namespace bertq::engine {

// XXH3-128, as hexadecimal digits, of every weight as f32 by its canonical name: the same for a
// checkpoint in any format. Recipes keep it in their metadata, as "weights" (require_made_for()).
std::string weights_fingerprint(const loaders::Checkpoint& checkpoint, const ModelConfig& config);

}  // namespace bertq::engine
