// The random numbers of numpy.random after numpy.random.seed(seed), which LPOT draws from: the same
// seed gives the same trials.
//
// Source: numpy/random/src/mt19937 and _legacy_seeding; numpy's documentation of RandomState.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace bertq::engine {

class NumpyRandom {
 public:
  // numpy takes 32 bits; of a larger seed, the lower ones count.
  explicit NumpyRandom(std::uint64_t seed) : engine_(static_cast<std::uint32_t>(seed)) {}

  // numpy.random.choice(count): 0 .. count - 1. Draws nothing if there is no choice.
  std::size_t choice(std::size_t count);
  // numpy.random.uniform(low, high).
  double uniform(double low, double high);

 private:
  std::mt19937 engine_;
};

}  // namespace bertq::engine
