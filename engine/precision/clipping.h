// Which weight the largest INT8 should stand for: less than the largest weight makes all steps
// shorter and clips a few.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace bertq::engine {

// The candidate range with the least squared error over all weights that were added. Runs in a
// jit::ThreadScope, as quantisation does.
class ClippingSearch {
 public:
  // `largest` is the largest magnitude of what will be added.
  explicit ClippingSearch(float largest) : largest_(largest) {}
  void add(std::span<const float> weights);
  // `largest` itself where nothing is better.
  float best() const;

 private:
  static constexpr std::size_t candidates = 24;
  float candidate(std::size_t index) const;

  float largest_;
  std::array<double, candidates> squared_error_{};
};

}  // namespace bertq::engine
