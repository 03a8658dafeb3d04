// The flags about questions and contexts, which `run` and `answer` share.
#pragma once

#include <cstddef>

#include "engine/cli/arguments.h"
#include "engine/task/evaluation_set.h"

namespace bertq::engine::cli {

// For windows of `max_tokens`. Without --doc-stride, windows too short for the field's 128 are a
// third of their length apart. Throws Error (usage) if a threshold is no number.
SquadOptions squad_options(const Arguments& arguments, std::size_t max_tokens);

}  // namespace bertq::engine::cli
