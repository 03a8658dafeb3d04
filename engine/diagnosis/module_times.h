// How long each module of a model takes in a forward pass.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "engine/model/model.h"
#include "engine/task/evaluation_set.h"

namespace bertq::engine {

struct ModuleTimes {
  // Wall time of the quickest pass: other programs only ever add.
  double seconds = 0.0;
  // Of each module's kernels, summed over the threads and divided by their number; what is left of
  // `seconds` is the rest: dispatch, and waiting for each other.
  std::map<std::string, double> by_module;
};

// Runs all inputs `passes` times, after once to warm up.
ModuleTimes time_modules(Session& session, std::size_t threads, const EvaluationSet& set,
                         std::size_t passes);

}  // namespace bertq::engine
