// The scores of the GLUE tasks, as the field computes and names them: as scikit-learn and SciPy
// give them, but 0 where a value is not defined (SciPy gives NaN, which JSON cannot hold and which
// no goal could be held against).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bertq::engine {

enum class Metric : std::uint8_t {
  accuracy,
  f1,               // of class 1
  accuracy_and_f1,  // their mean
  mcc,              // Matthews correlation, of any number of classes
  pearson,
  spearman,     // equal values have the mean of their ranks
  correlation,  // the mean of both
};
std::string_view metric_name(Metric metric);  // "acc", "f1", "acc_and_f1", "mcc", ...
std::optional<Metric> find_metric(std::string_view name);
bool is_of_values(Metric metric);  // and not of classes

// A metric's value, by the name that the field gives the metric; names are literals.
struct Score {
  std::string_view name;
  double value = 0.0;
};

// Prediction against truth, both of the same length, not empty: of class indices in 0..1 (mcc in
// -1..1), of values in -1..1. 0 where a metric is not defined: f1 without a 1 anywhere, mcc and
// correlations of what is all the same.
double score(Metric metric, std::span<const std::size_t> predicted,
             std::span<const std::size_t> truth);
double score(Metric metric, std::span<const double> predicted, std::span<const double> truth);

// From 1; equal values have the mean of their ranks.
std::vector<double> average_ranks(std::span<const double> values);

// -log softmax(logits)[truth] of one row. In double.
double cross_entropy(std::span<const float> row, std::size_t truth);

// The index of the largest; the first of equals.
std::size_t argmax(std::span<const float> row);

}  // namespace bertq::engine
