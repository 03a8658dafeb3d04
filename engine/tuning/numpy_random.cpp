#include "engine/tuning/numpy_random.h"

#include <bit>

namespace bertq::engine {

// By masked rejection: as many bits as the largest number has, until they are small enough.
std::size_t NumpyRandom::choice(std::size_t count) {
  if (count <= 1) return 0;
  const auto largest = static_cast<std::uint32_t>(count - 1);
  const std::uint32_t mask = (std::bit_ceil(std::uint64_t{largest} + 1) - 1) & 0xFFFFFFFFU;
  std::uint32_t drawn = 0;
  do {
    drawn = static_cast<std::uint32_t>(engine_()) & mask;
  } while (drawn > largest);
  return drawn;
}

// 53 bits from two draws.
double NumpyRandom::uniform(double low, double high) {
  const auto upper = static_cast<double>(engine_() >> 5U);
  const auto lower = static_cast<double>(engine_() >> 6U);
  const double unit = (upper * 67108864.0 + lower) / 9007199254740992.0;
  return low + (high - low) * unit;
}

}  // namespace bertq::engine
