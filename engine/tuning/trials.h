// What a strategy can ask, and what it is told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <string>
#include <vector>

#include "engine/tuning/goal.h"
#include "engine/tuning/tuning_space.h"

namespace bertq::engine {

struct Outcome {
  static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

  std::string failure;  // why there is no score; empty where there is one
  double score = unknown;
  double seconds = unknown;  // of the forward passes
  // RMS of the difference between the model's outputs and FP32's, in standard deviations of these.
  double error = unknown;
  double weights_bytes = unknown;
  double peak_bytes = unknown;

  bool failed() const { return !failure.empty(); }
  double measure(Objective objective) const;
};

// How much of the outputs' error goes away if one module alone is put back to FP32, and what that
// costs.
struct Sensitivity {
  std::size_t module = 0;
  double error_without = 0.0;  // of the outputs with this module in FP32
  double share = 0.0;          // of the squared error: 1 means that all of it goes
  double seconds = 0.0;        // what FP32 costs more, of a pass over the probed examples
};

// Ends a search from within a strategy: the exit policy has spoken. Strategies let it through.
struct SearchEnded : std::exception {
  const char* what() const noexcept override { return "the search has ended"; }
};

// Seconds of each option of each module, of a pass over the probed examples.
using Costs = std::vector<std::vector<double>>;

class Trials {
 public:
  virtual ~Trials() = default;

  virtual const Goal& goal() const = 0;
  virtual const Outcome& baseline() const = 0;  // FP32 over the whole set

  // A trial: over the whole set, counted, numbered. An earlier trial's outcome for a duplicate. A
  // failure is an outcome too. Throws SearchEnded after the last.
  virtual Outcome score(const Configuration& configuration) = 0;
  // Error and seconds alone, of a few examples: not counted.
  virtual Outcome probe(const Configuration& configuration) = 0;
  // LPOT's measure for its strategy `mse`: for each module, the mean squared difference between its
  // outputs in FP32 and in this configuration, each normalised to 0..1. Not counted.
  virtual std::vector<double> output_errors(const Configuration& configuration) = 0;

  // For strategies that measure them. With costs, the objective `time` compares their sums instead
  // of measured seconds, which are never twice the same.
  virtual void set_costs(const Costs& costs) = 0;
  virtual void set_sensitivities(std::vector<Sensitivity> sensitivities) = 0;

  bool meets_goal(const Outcome& outcome) const {
    return !outcome.failed() && goal().met(outcome.score, baseline().score);
  }
  // Greater is better. A failed trial is worse than any other.
  double merit(const Outcome& outcome) const {
    return outcome.failed() ? -std::numeric_limits<double>::infinity()
                            : goal().merit(outcome.score);
  }
};

}  // namespace bertq::engine
