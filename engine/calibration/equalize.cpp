#include "engine/calibration/equalize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace bertq {
namespace {

constexpr float byte_steps = 255.0F;
constexpr float least_scale = 1e-7F;
// |zero point - 127.5| <= |middle| / scale, and within farthest_zero_point even when rounded.
constexpr float farthest_middle = static_cast<float>(farthest_zero_point) - 129.0F;

// Parts of a channel's extremes that its range may be drawn in to.
constexpr std::array range_parts{1.0F, 0.95F, 0.9F, 0.85F, 0.8F, 0.75F,
                                 0.7F, 0.65F, 0.6F, 0.5F,  0.4F};
// How far scales may grow for the weights' sake, in parts of what the weights alone would ask for.
constexpr std::array balances{0.0F, 0.001F, 0.003F, 0.01F, 0.03F, 0.1F,
                              0.2F, 0.4F,   0.7F,   1.0F,  2.0F,  5.0F};

float middle_of(const Extremes& range) {
  return 0.5F * (range.least + range.greatest);
}

// The least scale that holds the range and keeps its zero point in bounds.
float scale_of(const Extremes& range, Scheme scheme) {
  const float width =
      scheme == Scheme::symmetric ? 2.0F * range.magnitude() : range.greatest - range.least;
  const float far =
      scheme == Scheme::symmetric ? 0.0F : std::fabs(middle_of(range)) / farthest_middle;
  return std::max({width / byte_steps, far, least_scale});
}

ByteRange byte_range(const Extremes& range, float scale, Scheme scheme) {
  if (scheme == Scheme::symmetric) return {scale, symmetric_zero_point};
  const float zero = std::nearbyint(byte_steps / 2.0F - middle_of(range) / scale);
  return {scale, static_cast<std::int32_t>(zero)};
}

Extremes channel_range(std::span<const float> values, const Extremes& extremes, Scheme scheme) {
  double sum = 0.0;
  for (const float x : values) sum += static_cast<double>(x);
  const float middle = scheme == Scheme::symmetric
                           ? 0.0F
                           : static_cast<float>(sum / static_cast<double>(values.size()));
  Extremes best = extremes;
  double least = std::numeric_limits<double>::infinity();
  for (const float part : range_parts) {
    const Extremes range{middle + part * (extremes.least - middle),
                         middle + part * (extremes.greatest - middle)};
    const double error =
        quantization_error(values, byte_range(range, scale_of(range, scheme), scheme)).mean_square;
    if (error >= least) continue;
    least = error;
    best = range;
  }
  return best;
}

// The sum over outputs of a squared step of the weights of an input with these scales.
double squared_weight_steps(const WeightMatrix& weights, const Eigen::VectorXf& scale) {
  const auto equalized = weights.cwiseAbs() * scale.asDiagonal();
  const Eigen::VectorXf largest = equalized.rowwise().maxCoeff() / 127.0F;
  return static_cast<double>(largest.squaredNorm());
}

constexpr double uniform_variance = 1.0 / 12.0;  // of an error spread over a step

double weight_error(const EqualizationProblem& problem, const Eigen::VectorXf& scale) {
  // The input's own rounding adds a twelfth of a squared step to what its channels hold.
  const Eigen::ArrayXf units = problem.uncertainty.array() / scale.array().square();
  const double second =
      static_cast<double>(units.sum()) + uniform_variance * static_cast<double>(scale.size());
  return uniform_variance * squared_weight_steps(problem.weights, scale) * second;
}

Eigen::VectorXf scales_of(const std::vector<Extremes>& ranges, Scheme scheme) {
  Eigen::VectorXf scale(static_cast<Eigen::Index>(ranges.size()));
  std::transform(ranges.begin(), ranges.end(), scale.begin(),
                 [&](const Extremes& range) { return scale_of(range, scheme); });
  return scale;
}

InputRange input_range(const std::vector<Extremes>& ranges, const Eigen::VectorXf& scale,
                       Scheme scheme) {
  InputRange result;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const ByteRange channel = byte_range(ranges[i], scale[static_cast<Eigen::Index>(i)], scheme);
    result.scale.push_back(channel.scale);
    result.zero_point.push_back(channel.zero_point);
  }
  return result;
}

}  // namespace

std::vector<Extremes> channel_ranges(const EqualizationProblem& problem, Scheme scheme) {
  std::vector<Extremes> ranges;
  for (std::size_t i = 0; i < problem.extremes.size(); ++i) {
    ranges.push_back(channel_range(channel_of(problem.samples, i), problem.extremes[i], scheme));
  }
  return ranges;
}

double expected_error(const EqualizationProblem& problem, const InputRange& range) {
  const Eigen::VectorXf reach = problem.weights.colwise().squaredNorm();
  Eigen::VectorXf scale(reach.size());
  double input_error = 0.0;
  for (Eigen::Index i = 0; i < reach.size(); ++i) {
    const auto channel = static_cast<std::size_t>(i);
    const ByteRange bytes = range.of(channel);
    scale[i] = bytes.scale;
    input_error += quantization_error(channel_of(problem.samples, channel), bytes).mean_square *
                   static_cast<double>(reach[i]);
  }
  return input_error + weight_error(problem, scale);
}

// With steps s of the weights held, scale^2 * reach + s^2 * uncertainty / scale^2 is least at
// scale^4 = s^2 * uncertainty / reach. How much longer the steps become is in the sum that is
// compared.
InputRange equalized_range(const EqualizationProblem& problem, Scheme scheme) {
  const std::vector<Extremes> ranges = channel_ranges(problem, scheme);
  const Eigen::VectorXf narrowest = scales_of(ranges, scheme);
  const Eigen::ArrayXf reach =
      problem.weights.colwise().squaredNorm().transpose().array().max(1e-30F);
  const auto steps = static_cast<float>(squared_weight_steps(problem.weights, narrowest));
  const Eigen::ArrayXf asked = (steps * problem.uncertainty.array() / reach).sqrt().sqrt();
  InputRange best;
  double least = std::numeric_limits<double>::infinity();
  for (const float balance : balances) {
    const Eigen::VectorXf scale =
        narrowest.array().max(asked * std::sqrt(std::sqrt(balance))).matrix();
    const InputRange range = input_range(ranges, scale, scheme);
    const double error = expected_error(problem, range);
    if (error >= least) continue;
    least = error;
    best = range;
  }
  return best;
}

}  // namespace bertq
