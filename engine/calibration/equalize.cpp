#include "engine/calibration/equalize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>

namespace bertq::engine {
namespace {

constexpr float byte_steps = 255.0F;
constexpr float least_scale = 1e-7F;
// Columns that splitting adds: as many as the layer before computes at once, which is what one
// column would cost. And the error that it has to leave, in parts of that without it.
constexpr std::size_t extra_columns = 16;
constexpr double worth_splitting = 0.9;
constexpr float room = 1.5F;  // the least range of a split channel, in that of its extremes

// A bound: this share of the channels comes as near to it as that.
constexpr float share_at_bound = 0.125F, near_bound = 0.95F;

// Widths that ranges may have, in those of the extremes seen. Texts to come go beyond them, now and
// then far, and what is cut off hurts more than steps that are a little longer.
constexpr std::array widths{0.6F, 0.7F, 0.8F,  0.9F, 1.0F, 1.1F,
                            1.2F, 1.3F, 1.45F, 1.6F, 1.8F, 2.0F};
// Of the common width: where that of a channel belongs to a few rows that count little.
constexpr std::array narrower{0.85F, 0.7F, 0.6F, 0.5F, 0.4F, 0.3F};
constexpr std::size_t folds = 4;
// How far scales may grow for the weights' sake, in parts of what the weights alone would ask for.
constexpr std::array balances{0.0F, 0.001F, 0.003F, 0.01F, 0.03F, 0.1F,
                              0.2F, 0.4F,   0.7F,   1.0F,  2.0F,  5.0F};

float middle_of(const Extremes& range) {
  return 0.5F * (range.least + range.greatest);
}

// |zero point - steps / 2| <= |middle| / scale, and within farthest_zero_point even when rounded.
float farthest_middle(std::uint32_t columns) {
  return static_cast<float>(farthest_zero_point) - 1.0F - 128.0F * static_cast<float>(columns);
}

// The least scale that holds the range and keeps its zero point in bounds.
float scale_of(const Extremes& range, Scheme scheme, std::uint32_t columns = 1) {
  const float width =
      scheme == Scheme::symmetric ? 2.0F * range.magnitude() : range.greatest - range.least;
  const bool holds_zero = range.least <= 0.0F && range.greatest >= 0.0F;
  const float far = scheme == Scheme::symmetric || holds_zero
                        ? 0.0F
                        : std::fabs(middle_of(range)) / farthest_middle(columns);
  return std::max({width / (byte_steps * static_cast<float>(columns)), far, least_scale});
}

// Steps that the range leaves over are shared by both sides, unless nothing is below `bounds`.
ByteRange byte_range(const Extremes& range, float scale, Scheme scheme, const Extremes& bounds,
                     std::uint32_t columns = 1) {
  if (scheme == Scheme::symmetric) return {scale, symmetric_zero_point};
  ByteRange bytes{scale, 0, columns};
  const float centred = std::nearbyint(bytes.steps() / 2.0F - middle_of(range) / scale);
  const float lowest = std::ceil(-bounds.least / scale);
  bytes.zero_point = static_cast<std::int32_t>(std::min(centred, std::max(lowest, 0.0F)));
  return bytes;
}

// What many channels come near and none has ever passed is taken for a bound of them all, as the
// lowest value of GELU is: no steps are spent beyond it. The end of an outlier's range is none.
Extremes bounds_of(std::span<const Extremes> channels) {
  Extremes all;
  for (const Extremes& channel : channels) all.add(channel);
  const auto reached = [&](float Extremes::*end) {
    const auto near = std::count_if(channels.begin(), channels.end(), [&](const Extremes& channel) {
      return std::fabs(channel.*end) >= near_bound * std::fabs(all.*end);
    });
    return static_cast<float>(near) >= share_at_bound * static_cast<float>(channels.size());
  };
  constexpr float infinity = std::numeric_limits<float>::infinity();
  return {reached(&Extremes::least) ? all.least : -infinity,
          reached(&Extremes::greatest) ? all.greatest : infinity};
}

Extremes widened(const Extremes& extremes, float middle, float width, const Extremes& bounds) {
  return {std::max(middle + width * (extremes.least - middle), bounds.least),
          std::min(middle + width * (extremes.greatest - middle), bounds.greatest)};
}

// One channel's rows in `folds` parts of almost one size.
class FoldedChannel {
 public:
  FoldedChannel(std::span<const float> values, std::span<const float> weights,
                const Extremes& bounds)
      : values_(values), weights_(weights), bounds_(bounds) {
    for (std::size_t fold = 0; fold < folds; ++fold)
      extremes_[fold] = Extremes::of(part(values_, fold));
  }

  // The squared error over all rows, those of each fold in the range that the others ask for.
  double error(float middle, float width, Scheme scheme) const {
    double sum = 0.0;
    for (std::size_t fold = 0; fold < folds; ++fold) {
      const std::span<const float> values = part(values_, fold), weights = part(weights_, fold);
      if (values.empty()) continue;
      const Extremes range = widened(of_others(fold), middle, width, bounds_);
      const QuantizationError error = quantization_error(
          values, weights, byte_range(range, scale_of(range, scheme), scheme, bounds_));
      const float count = std::accumulate(weights.begin(), weights.end(), 0.0F);
      sum += error.mean_square * static_cast<double>(count);
    }
    return sum;
  }

 private:
  static std::span<const float> part(std::span<const float> all, std::size_t fold) {
    const std::size_t begin = fold * all.size() / folds;
    return all.subspan(begin, (fold + 1) * all.size() / folds - begin);
  }
  Extremes of_others(std::size_t fold) const {
    Extremes others;
    for (std::size_t i = 0; i < folds; ++i) {
      if (i != fold) others.add(extremes_[i]);
    }
    return others.empty() ? extremes_[fold] : others;
  }

  std::span<const float> values_, weights_;
  Extremes bounds_;
  std::array<Extremes, folds> extremes_;
};

float middle_of(const EqualizationProblem& problem, std::size_t channel, Scheme scheme) {
  if (scheme == Scheme::symmetric) return 0.0F;
  return problem.samples.row(static_cast<Eigen::Index>(channel)).mean();
}

// The width that leaves the least error of the outputs on rows that had no say in the extremes.
float best_width(const EqualizationProblem& problem, Scheme scheme) {
  const Eigen::VectorXf reach = problem.weights.colwise().squaredNorm();
  const Extremes bounds = bounds_of(problem.extremes);
  std::array<double, widths.size()> error{};
  for (std::size_t i = 0; i < problem.extremes.size(); ++i) {
    const FoldedChannel channel(channel_of(problem.samples, i), problem.row_weights, bounds);
    const float middle = middle_of(problem, i, scheme);
    for (std::size_t j = 0; j < widths.size(); ++j) {
      error[j] += channel.error(middle, widths[j], scheme) *
                  static_cast<double>(reach[static_cast<Eigen::Index>(i)]);
    }
  }
  return widths[static_cast<std::size_t>(
      std::distance(error.begin(), std::min_element(error.begin(), error.end())))];
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

// Of each channel: how many columns it has.
using Columns = std::vector<std::uint32_t>;

Eigen::VectorXf scales_of(const std::vector<Extremes>& ranges, Scheme scheme,
                          const Columns& columns) {
  Eigen::VectorXf scale(static_cast<Eigen::Index>(ranges.size()));
  std::transform(
      ranges.begin(), ranges.end(), columns.begin(), scale.begin(),
      [&](const Extremes& range, std::uint32_t count) { return scale_of(range, scheme, count); });
  return scale;
}

InputRange input_range(const std::vector<Extremes>& ranges, const Eigen::VectorXf& scale,
                       Scheme scheme, const Extremes& bounds, const Columns& columns) {
  InputRange result;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const ByteRange channel =
        byte_range(ranges[i], scale[static_cast<Eigen::Index>(i)], scheme, bounds, columns[i]);
    result.scale.push_back(channel.scale);
    result.zero_point.push_back(channel.zero_point);
    if (columns[i] > 1) result.splits.push_back({static_cast<std::uint32_t>(i), columns[i]});
  }
  return result;
}

// One more column at a time to the channel whose steps do the output the most harm.
Columns split_columns(const std::vector<Extremes>& ranges, Scheme scheme,
                      const Eigen::ArrayXf& reach) {
  Columns columns(ranges.size(), 1);
  const auto harm = [&](std::size_t i) {
    const float scale = scale_of(ranges[i], scheme, columns[i]);
    return columns[i] == most_split_columns ? 0.0F
                                            : scale * scale * reach[static_cast<Eigen::Index>(i)];
  };
  std::vector<float> harms(ranges.size());
  for (std::size_t i = 0; i < harms.size(); ++i) harms[i] = harm(i);
  for (std::size_t added = 0; added < extra_columns; ++added) {
    const auto worst = static_cast<std::size_t>(
        std::distance(harms.begin(), std::max_element(harms.begin(), harms.end())));
    if (harms[worst] == 0.0F) break;
    ++columns[worst];
    harms[worst] = harm(worst);
  }
  return columns;
}

// Steps are plenty where there are columns to spare: texts to come may go beyond the extremes.
std::vector<Extremes> with_room(std::vector<Extremes> ranges, const Columns& columns,
                                const EqualizationProblem& problem) {
  const Extremes bounds = bounds_of(problem.extremes);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (columns[i] == 1) continue;
    ranges[i].add(widened(problem.extremes[i], 0.0F, room, bounds));
  }
  return ranges;
}

struct Candidate {
  InputRange range;
  double error = std::numeric_limits<double>::infinity();
};

// With steps s of the weights held, scale^2 * reach + s^2 * uncertainty / scale^2 is least at
// scale^4 = s^2 * uncertainty / reach. How much longer the steps become is in the sum that is
// compared.
Candidate best_balance(const EqualizationProblem& problem, const std::vector<Extremes>& ranges,
                       Scheme scheme, const Eigen::ArrayXf& reach, const Columns& columns) {
  const Eigen::VectorXf narrowest = scales_of(ranges, scheme, columns);
  const auto steps = static_cast<float>(squared_weight_steps(problem.weights, narrowest));
  const Eigen::ArrayXf asked = (steps * problem.uncertainty.array() / reach).sqrt().sqrt();
  Candidate best;
  for (const float balance : balances) {
    const Eigen::VectorXf scale =
        narrowest.array().max(asked * std::sqrt(std::sqrt(balance))).matrix();
    Candidate next{input_range(ranges, scale, scheme, bounds_of(problem.extremes), columns), 0.0};
    next.error = expected_error(problem, next.range);
    if (next.error < best.error) best = std::move(next);
  }
  return best;
}

}  // namespace

std::vector<Extremes> channel_ranges(const EqualizationProblem& problem, Scheme scheme) {
  const float width = best_width(problem, scheme);
  const Extremes bounds = bounds_of(problem.extremes);
  std::vector<Extremes> ranges;
  for (std::size_t i = 0; i < problem.extremes.size(); ++i) {
    const float middle = middle_of(problem, i, scheme);
    const FoldedChannel channel(channel_of(problem.samples, i), problem.row_weights, bounds);
    float best = width;
    double least = channel.error(middle, width, scheme);
    for (const float part : narrower) {
      const double error = channel.error(middle, width * part, scheme);
      if (error >= least) continue;
      least = error;
      best = width * part;
    }
    ranges.push_back(widened(problem.extremes[i], middle, best, bounds));
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
    input_error +=
        quantization_error(channel_of(problem.samples, channel), problem.row_weights, bytes)
            .mean_square *
        static_cast<double>(reach[i]);
  }
  return input_error + weight_error(problem, scale);
}

InputRange equalized_range(const EqualizationProblem& problem, Scheme scheme, bool may_split) {
  const std::vector<Extremes> ranges = channel_ranges(problem, scheme);
  const Eigen::ArrayXf reach =
      problem.weights.colwise().squaredNorm().transpose().array().max(1e-30F);
  Candidate whole = best_balance(problem, ranges, scheme, reach, Columns(ranges.size(), 1));
  if (!may_split || scheme == Scheme::symmetric) return whole.range;
  const Columns columns = split_columns(ranges, scheme, reach);
  Candidate split =
      best_balance(problem, with_room(ranges, columns, problem), scheme, reach, columns);
  return split.error < worth_splitting * whole.error ? split.range : whole.range;
}

}  // namespace bertq::engine
