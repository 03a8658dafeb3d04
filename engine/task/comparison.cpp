#include "engine/task/comparison.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace bertq::engine {
namespace {

constexpr std::size_t resamples = 1000, tail = 25;  // 2.5 % at each end
constexpr std::uint64_t bootstrap_seed = 1;

double standard_deviation(std::span<const float> values) {
  double sum = 0.0, squares = 0.0;
  for (const float value : values) sum += static_cast<double>(value);
  const double mean = sum / static_cast<double>(values.size());
  for (const float value : values) {
    const double distance = static_cast<double>(value) - mean;
    squares += distance * distance;
  }
  return std::sqrt(squares / static_cast<double>(values.size()));
}

double rms_difference(std::span<const float> a, std::span<const float> b) {
  double squares = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    squares += difference * difference;
  }
  return std::sqrt(squares / static_cast<double>(a.size()));
}

}  // namespace

double relative_loss(double before, double after) {
  return before == 0.0 ? 0.0 : (before - after) / std::abs(before);
}

Agreement agreement(const EvaluationSet& set, const ModelOutputs& before,
                    const ModelOutputs& after) {
  Agreement result;
  const double error = rms_difference(before.values, after.values);
  if (error != 0.0) result.logit_error = error / standard_deviation(before.values);
  if (set.regression()) return result;
  const auto expected = set.answers(before), answers = set.answers(after);
  std::size_t same = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) same += expected[i] == answers[i] ? 1U : 0U;
  result.labels_equal = static_cast<double>(same) / static_cast<double>(expected.size());
  return result;
}

Interval loss_interval(const EvaluationSet& set, const ModelOutputs& before,
                       const ModelOutputs& after) {
  const auto score_before = set.goal_score(before), score_after = set.goal_score(after);
  std::mt19937_64 random(bootstrap_seed);
  std::vector<std::size_t> chosen(set.examples());
  std::vector<double> losses;
  for (std::size_t i = 0; i < resamples; ++i) {
    for (std::size_t& example : chosen) example = random() % chosen.size();
    losses.push_back(relative_loss(score_before(chosen), score_after(chosen)));
  }
  std::sort(losses.begin(), losses.end());
  return {losses[tail], losses[resamples - 1 - tail]};
}

}  // namespace bertq::engine
