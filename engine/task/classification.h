// From the logits of a classification head to probabilities.
#pragma once

#include <span>

namespace bertq::engine {

// Softmax, in double precision. Both as long as there are classes, at least one.
void class_probabilities(std::span<const float> logits, std::span<double> probabilities);

}  // namespace bertq::engine
