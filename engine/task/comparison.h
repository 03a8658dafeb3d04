// How far a model's answers to a task are from those of another: of INT8 against FP32.
#pragma once

#include <optional>

#include "engine/task/evaluation_set.h"
#include "engine/task/model_outputs.h"

namespace bertq::engine {

// What is lost of a score, as a share of its size: 0.01 is one per cent less, negative is more. 0
// where there was nothing to lose.
double relative_loss(double before, double after);

struct Agreement {
  std::optional<double> labels_equal;  // share of examples; none where answers are numbers
  // RMS of the differences of all outputs over the standard deviation of those of `before`; 0 where
  // both are 0.
  double logit_error = 0.0;
};
Agreement agreement(const EvaluationSet& set, const ModelOutputs& before,
                    const ModelOutputs& after);

// In which the relative loss of the goal's metric lies with 95 % confidence, as far as the choice
// of the examples goes: a paired bootstrap (Efron 1979; Koehn 2004 for the pairs) of 1000 resamples
// from a fixed seed, the middle 95 % of its losses. Of a labelled set.
struct Interval {
  double low = 0.0, high = 0.0;
};
Interval loss_interval(const EvaluationSet& set, const ModelOutputs& before,
                       const ModelOutputs& after);

}  // namespace bertq::engine
