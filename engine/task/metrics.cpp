#include "engine/task/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

namespace bertq {
namespace {

double accuracy(std::span<const std::size_t> predicted, std::span<const std::size_t> truth) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) right += predicted[i] == truth[i] ? 1U : 0U;
  return static_cast<double>(right) / static_cast<double>(truth.size());
}

double f1(std::span<const std::size_t> predicted, std::span<const std::size_t> truth) {
  std::size_t true_positive = 0, claimed = 0, actual = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    claimed += predicted[i] == 1 ? 1U : 0U;
    actual += truth[i] == 1 ? 1U : 0U;
    true_positive += predicted[i] == 1 && truth[i] == 1 ? 1U : 0U;
  }
  // 2PR / (P + R) with P = tp / claimed and R = tp / actual.
  return claimed + actual == 0
             ? 0.0
             : 2.0 * static_cast<double>(true_positive) / static_cast<double>(claimed + actual);
}

}  // namespace

std::string_view metric_name(Metric metric) {
  constexpr std::array<std::string_view, 3> names = {"acc", "f1", "acc_and_f1"};
  return names.at(static_cast<std::size_t>(metric));
}

double score(Metric metric, std::span<const std::size_t> predicted,
             std::span<const std::size_t> truth) {
  switch (metric) {
    case Metric::accuracy:
      return accuracy(predicted, truth);
    case Metric::f1:
      return f1(predicted, truth);
    case Metric::accuracy_and_f1:
      break;
  }
  return (accuracy(predicted, truth) + f1(predicted, truth)) / 2.0;
}

double mean_cross_entropy(std::span<const float> logits, std::size_t classes,
                          std::span<const std::size_t> truth) {
  double total = 0.0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const auto row = logits.subspan(i * classes, classes);
    const double highest = *std::max_element(row.begin(), row.end());
    double sum = 0.0;
    for (const float logit : row) sum += std::exp(static_cast<double>(logit) - highest);
    total += std::log(sum) + highest - static_cast<double>(row[truth[i]]);
  }
  return total / static_cast<double>(truth.size());
}

std::size_t argmax(std::span<const float> row) {
  return static_cast<std::size_t>(
      std::distance(row.begin(), std::max_element(row.begin(), row.end())));
}

}  // namespace bertq
