#include "engine/task/classification.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace bertq::engine {

void class_probabilities(std::span<const float> logits, std::span<double> probabilities) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    probabilities[i] = std::exp(static_cast<double>(logits[i]) - highest);
    sum += probabilities[i];
  }
  for (double& probability : probabilities) probability /= sum;
}

}  // namespace bertq::engine
