// Means and covariances of a layer's sampled input.
#pragma once

#include <Eigen/Core>

#include "engine/calibration/input_range.h"
#include "jit/isa.h"

namespace bertq::engine {

struct InputMoments {
  Eigen::VectorXf mean;    // [channels]
  Eigen::MatrixXf second;  // [channels][channels], symmetric
};

// About the mean, or (centred false) about zero; each row counts as often as its weight says. The
// products run in kernels of `isa`: in a jit::ThreadScope.
InputMoments moments_of(const ChannelMatrix& samples, const Eigen::VectorXf& weights, bool centred,
                        jit::Isa isa);

// Moments of x * factor: one factor a channel.
Eigen::MatrixXf scaled_second(const Eigen::MatrixXf& second, const Eigen::VectorXf& factor);

// The order of falling diagonal that rounding goes through the channels in, backwards: the channel
// of the smallest variance first. Ties keep the channels' order.
std::vector<Eigen::Index> rising_diagonal(const Eigen::MatrixXf& second);

// The lower Cholesky factor of `second`, both in `order`, with enough added to the diagonal that
// there is one: at least `damping` of its mean.
Eigen::MatrixXf damped_cholesky(const Eigen::MatrixXf& second,
                                const std::vector<Eigen::Index>& order, float damping);

}  // namespace bertq::engine
