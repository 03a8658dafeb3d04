// Holds a recipe against the model that it is to be run in, by dimensions alone: before weights are
// read, or an evaluation in another precision is made that would be for nothing.
#pragma once

#include <string>

#include "engine/model/config.h"
#include "engine/precision/recipe.h"

namespace bertq::engine {

// Throws Error (input), "<name>: layer <module>: ...", for entries of layers that a model of these
// dimensions does not have, or of other sizes than these layers'. `name` is the recipe's in
// messages: its file.
void check_recipe(const Recipe& recipe, const ModelConfig& config, const std::string& name);

}  // namespace bertq::engine
