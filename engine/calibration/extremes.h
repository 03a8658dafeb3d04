// The least and the greatest of some values.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace bertq::engine {

struct Extremes {
  float least = std::numeric_limits<float>::infinity();
  float greatest = -std::numeric_limits<float>::infinity();

  static Extremes of(std::span<const float> values) {
    Extremes extremes;
    for (const float x : values) extremes.add(x);
    return extremes;
  }
  void add(float x) {
    least = std::min(least, x);
    greatest = std::max(greatest, x);
  }
  void add(const Extremes& other) {
    least = std::min(least, other.least);
    greatest = std::max(greatest, other.greatest);
  }
  bool empty() const { return least > greatest; }
  float magnitude() const { return std::max(std::fabs(least), std::fabs(greatest)); }
  friend bool operator==(const Extremes&, const Extremes&) = default;
};

}  // namespace bertq::engine
