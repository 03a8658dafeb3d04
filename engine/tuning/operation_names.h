// What LPOT's users call a model's operations: PyTorch by module, TensorFlow by node of the graph
// that google-research's modeling.py, run_classifier.py and run_squad.py build.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/tuning/tuning_space.h"

namespace bertq::engine {

// Every name that a tunable module goes by; the recipe's own is always one.
std::vector<std::string> operation_names(std::string_view module, Dialect dialect);

// Whether a key of op_wise means the module. As LPOT reads it: letters, digits and "._-/" are a
// name, that has to be equal; anything else is a regular expression that has to match from the
// name's start. Throws Error (usage) for one that is none, or longer than 200 characters.
bool names_operation(const std::string& pattern, std::string_view module, Dialect dialect);

}  // namespace bertq::engine
