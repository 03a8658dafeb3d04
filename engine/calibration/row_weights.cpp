#include "engine/calibration/row_weights.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace bertq::engine {
namespace {

constexpr Eigen::Index sums = 32;

// Random signs: the expected squared size of their sums of outputs is that of the outputs.
Eigen::MatrixXf signs(Eigen::Index outputs) {
  Eigen::MatrixXf result(sums, outputs);
  std::uint64_t state = 1;
  for (Eigen::Index i = 0; i < result.size(); ++i) {
    state = state * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    result.data()[i] = (state >> 63U) == 0 ? -1.0F : 1.0F;
  }
  return result;
}

}  // namespace

Eigen::VectorXf row_weights(const ChannelMatrix& samples, const WeightMatrix& weights) {
  const Eigen::MatrixXf sketch = signs(weights.rows()) * weights;
  const Eigen::VectorXf size = (sketch * samples).colwise().squaredNorm().transpose();
  std::vector<float> sorted(size.begin(), size.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  const float median = std::max(*middle, std::numeric_limits<float>::min());
  const Eigen::VectorXf result = (size.array() + median).inverse();
  return result / result.mean();
}

}  // namespace bertq::engine
