// How long each product of a forward pass takes.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "engine/model/model.h"
#include "engine/task/evaluation_set.h"

namespace bertq::engine {

struct ModuleTimes {
  // Of processor time, summed over the threads and divided by their number: without what other
  // programs take meanwhile.
  double seconds = 0.0;
  // The same of each product; what is left of `seconds` is the rest (normalisation, quantising,
  // waiting for each other). Attention goes by the name of its scores.
  std::map<std::string, double> by_module;
};

// Runs all inputs `passes` times and takes each product's mean.
ModuleTimes time_modules(Session& session, std::size_t threads, const EvaluationSet& set,
                         std::size_t passes);

}  // namespace bertq::engine
