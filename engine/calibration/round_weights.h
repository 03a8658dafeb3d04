// INT8 weights that are not each the nearest, but together leave the least error in the output.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "engine/precision/recipe.h"

namespace bertq::engine {

// Row-major weights of an equalised input, [outputs][inputs].
using WeightMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Int8Matrix = Eigen::Matrix<std::int8_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Int8Layer {
  Int8Matrix weights;
  std::vector<float> scale;  // one an output; 0 for outputs whose weights are all 0
};

// As the engine quantises them (precision/symmetric.h): each to the nearest.
Int8Layer nearest_weights(const WeightMatrix& weights, Granularity granularity,
                          WeightClipping clipping);

// GPTQ (arXiv:2210.17323). `factor` is the lower Cholesky factor L of the inputs' second moments in
// `order`, from the last of which rounding goes to the first: the error e of an output over the
// inputs is |e^T L|^2, a sum of squares of which the i-th depends on no weight before the i-th.
// So each weight in turn goes to the integer that makes its own square least, given all that were
// chosen before. Steps are those of the largest weight.
Int8Layer calibrated_weights(const WeightMatrix& weights, const Eigen::MatrixXf& factor,
                             const std::vector<Eigen::Index>& order, Granularity granularity);

}  // namespace bertq::engine
