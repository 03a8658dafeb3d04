// Ranges of their own for the channels of a layer's input.
//
// The weights take in the channels' scales again, so that a channel with a narrow range has weights
// smaller than they were: what is gained in the input may be lost in the weights, whose steps go by
// the largest. The scales found here leave the least squared error in the output, by this account:
// an input's error is spread over its outputs by its weights; a weight's error is uniform over a
// step and multiplied by what is uncertain about its input.
#pragma once

#include <Eigen/Core>
#include <span>
#include <vector>

#include "engine/calibration/extremes.h"
#include "engine/calibration/input_range.h"
#include "engine/calibration/round_weights.h"
#include "engine/precision/recipe.h"

namespace bertq::engine {

// One layer, or several that read one input.
struct EqualizationProblem {
  const ChannelMatrix& samples;        // [channels][rows]
  std::span<const float> row_weights;  // [rows]
  std::span<const Extremes> extremes;  // of each channel, over all that was seen
  const WeightMatrix& weights;         // [outputs][channels]
  // Of each channel: the part of its second moment that the rounding of weights answers to. All of
  // it, or, for calibrated rounding, what the channels that are rounded before leave of it.
  Eigen::VectorXf uncertainty;
};

// Of each channel its extremes, all as much wider (or narrower) about the middle of its samples as
// leaves the least error on samples that had no say in the extremes: a width for all channels, from
// cross-validation. Symmetric ranges are about zero.
std::vector<Extremes> channel_ranges(const EqualizationProblem& problem, Scheme scheme);

// The expected squared error of all outputs.
double expected_error(const EqualizationProblem& problem, const InputRange& range);

// Scale and zero point of each channel, no range narrower than channel_ranges() finds it. Where
// `may_split`, outliers among the channels are split (recipe.h) if that leaves clearly less error.
InputRange equalized_range(const EqualizationProblem& problem, Scheme scheme,
                           bool may_split = false);

}  // namespace bertq::engine
