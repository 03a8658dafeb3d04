// The scores of the GLUE tasks, as the field computes and names them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace bertq {

enum class Metric : std::uint8_t { accuracy, f1, accuracy_and_f1 };
std::string_view metric_name(Metric metric);  // "acc", "f1", "acc_and_f1"

// A metric's value, by the name that the field gives the metric; names are literals.
struct Score {
  std::string_view name;
  double value = 0.0;
};

// Of class indices, prediction against truth, both of the same length, not empty. In 0..1.
// F1 is that of class 1, and 0 where it is not defined.
double score(Metric metric, std::span<const std::size_t> predicted,
             std::span<const std::size_t> truth);

// -log softmax(logits)[truth], averaged over the rows of [truth.size()][classes]. In double.
double mean_cross_entropy(std::span<const float> logits, std::size_t classes,
                          std::span<const std::size_t> truth);

// The index of the largest of each row of [rows][classes]; the first of equals.
std::size_t argmax(std::span<const float> row);

}  // namespace bertq
