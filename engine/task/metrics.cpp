#include "engine/task/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numeric>
#include <stdexcept>

namespace bertq::engine {
namespace {

struct MetricRow {
  std::string_view name;
  bool of_values;
};
constexpr std::array<MetricRow, 7> rows = {{{"acc", false},
                                            {"f1", false},
                                            {"acc_and_f1", false},
                                            {"mcc", false},
                                            {"pearson", true},
                                            {"spearmanr", true},
                                            {"corr", true}}};

using Classes = std::span<const std::size_t>;
using Values = std::span<const double>;

double accuracy(Classes predicted, Classes truth) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) right += predicted[i] == truth[i] ? 1U : 0U;
  return static_cast<double>(right) / static_cast<double>(truth.size());
}

double f1(Classes predicted, Classes truth) {
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

// Gorodkin (2004): the correlation of the indicators of all classes.
double matthews(Classes predicted, Classes truth) {
  const std::size_t classes = 1 + std::max(*std::max_element(predicted.begin(), predicted.end()),
                                           *std::max_element(truth.begin(), truth.end()));
  std::vector<double> claimed(classes), actual(classes);
  double right = 0.0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    claimed[predicted[i]] += 1.0;
    actual[truth[i]] += 1.0;
    right += predicted[i] == truth[i] ? 1.0 : 0.0;
  }
  const auto dot = [](const std::vector<double>& a, const std::vector<double>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  };
  const auto count = static_cast<double>(truth.size());
  const double covariance = right * count - dot(actual, claimed);
  const double variances =
      (count * count - dot(claimed, claimed)) * (count * count - dot(actual, actual));
  return variances == 0.0 ? 0.0 : covariance / std::sqrt(variances);
}

// In long double, so that the result is right to the last bit or nearly so.
double pearson(Values a, Values b) {
  const auto mean = [](Values values) {
    const long double sum = std::accumulate(values.begin(), values.end(), 0.0L);
    return sum / static_cast<long double>(values.size());
  };
  const long double mean_a = mean(a), mean_b = mean(b);
  long double products = 0.0L, squares_a = 0.0L, squares_b = 0.0L;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const long double from_a = static_cast<long double>(a[i]) - mean_a;
    const long double from_b = static_cast<long double>(b[i]) - mean_b;
    products += from_a * from_b;
    squares_a += from_a * from_a;
    squares_b += from_b * from_b;
  }
  const auto constant = [](Values values) {
    return std::all_of(values.begin(), values.end(), [&](double v) { return v == values[0]; });
  };
  if (constant(a) || constant(b)) return 0.0;
  const long double r = products / (std::sqrt(squares_a) * std::sqrt(squares_b));
  return static_cast<double>(std::clamp(r, -1.0L, 1.0L));
}

double spearman(Values a, Values b) {
  return pearson(average_ranks(a), average_ranks(b));
}

}  // namespace

std::string_view metric_name(Metric metric) {
  return rows.at(static_cast<std::size_t>(metric)).name;
}

std::optional<Metric> find_metric(std::string_view name) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows.at(i).name == name) return static_cast<Metric>(i);
  }
  return std::nullopt;
}

bool is_of_values(Metric metric) {
  return rows.at(static_cast<std::size_t>(metric)).of_values;
}

double score(Metric metric, Classes predicted, Classes truth) {
  switch (metric) {
    case Metric::accuracy:
      return accuracy(predicted, truth);
    case Metric::f1:
      return f1(predicted, truth);
    case Metric::accuracy_and_f1:
      return (accuracy(predicted, truth) + f1(predicted, truth)) / 2.0;
    case Metric::mcc:
      return matthews(predicted, truth);
    default:
      throw std::logic_error("a metric of values asked of classes");
  }
}

double score(Metric metric, Values predicted, Values truth) {
  switch (metric) {
    case Metric::pearson:
      return pearson(predicted, truth);
    case Metric::spearman:
      return spearman(predicted, truth);
    case Metric::correlation:
      return (pearson(predicted, truth) + spearman(predicted, truth)) / 2.0;
    default:
      throw std::logic_error("a metric of classes asked of values");
  }
}

std::vector<double> average_ranks(Values values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = static_cast<double>(begin + 1 + end) / 2.0;
    for (; begin < end; ++begin) ranks[order[begin]] = rank;
  }
  return ranks;
}

double cross_entropy(std::span<const float> row, std::size_t truth) {
  const double highest = *std::max_element(row.begin(), row.end());
  double sum = 0.0;
  for (const float logit : row) sum += std::exp(static_cast<double>(logit) - highest);
  return std::log(sum) + highest - static_cast<double>(row[truth]);
}

std::size_t argmax(std::span<const float> row) {
  return static_cast<std::size_t>(
      std::distance(row.begin(), std::max_element(row.begin(), row.end())));
}

}  // namespace bertq::engine
