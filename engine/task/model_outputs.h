// What a model says to each input, in the order of the inputs: a row of class logits, or two
// logits (begin, end) for each token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bertq::engine {

// Which of a session's outputs a task is about: Session::logits or Session::token_logits.
enum class TaskHead : std::uint8_t { classifier, span };

struct ModelOutputs {
  std::vector<float> values;
  std::vector<std::size_t> bounds;  // of input i: values[bounds[i], bounds[i + 1])

  std::size_t inputs() const { return bounds.empty() ? 0 : bounds.size() - 1; }
  std::span<const float> of(std::size_t input) const {
    return std::span(values).subspan(bounds[input], bounds[input + 1] - bounds[input]);
  }
};

}  // namespace bertq::engine
