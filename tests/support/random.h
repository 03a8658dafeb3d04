// A small seeded generator (splitmix64), so that tests see the same numbers on every machine and
// with every standard library.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bertq::testing {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  // 0 .. bound - 1
  std::size_t below(std::size_t bound) { return next() % bound; }
  bool coin() { return (next() >> 63U) != 0; }
  float uniform(float low, float high) {
    const auto unit = static_cast<float>(next() >> 40U) * 0x1p-24F;
    return low + (high - low) * unit;
  }
  // Bell-shaped with deviation 1, from four uniform summands.
  float bell() {
    float sum = 0.0F;
    for (int i = 0; i < 4; ++i) sum += uniform(-1.0F, 1.0F);
    return sum * 0.8660254F;
  }

 private:
  std::uint64_t state_;
};

}  // namespace bertq::testing
