// How much each sampled row of a layer's input counts.
#pragma once

#include <Eigen/Core>

#include "engine/calibration/input_range.h"
#include "engine/calibration/round_weights.h"

namespace bertq::engine {

// In BERT some few tokens ([SEP], full stops) have outputs a hundred times as large as all others.
// What follows a layer, a normalisation or a softmax, sees errors in proportion to the output that
// they are in, so that each row counts by the inverse of its output's size: 1 / (|y|^2 + median).
// The sizes are estimated from 32 random sums of outputs; the weights' mean is 1.
Eigen::VectorXf row_weights(const ChannelMatrix& samples, const WeightMatrix& weights);

}  // namespace bertq::engine
