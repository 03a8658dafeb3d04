#include "engine/tuning/strategy.h"

#include <algorithm>
#include <array>

namespace bertq::engine {
namespace {

constexpr std::array<Strategy, 6> strategies{{
    {"sensitivity", "measures what each layer costs and spoils, then the fewest changes",
     search_by_sensitivity, true},
    {"basic", "LPOT: all layers alike, then layer by layer back to FP32", search_basic, true},
    {"mse", "LPOT: as basic, layers ordered by the error of their outputs", search_mse, true},
    {"exhaustive", "LPOT: every combination", search_exhaustively, true},
    {"random", "LPOT: combinations at random, without end", search_at_random, false},
    {"bayesian", "LPOT: where a Gaussian process expects most, without end", search_bayesian,
     false},
}};

}  // namespace

std::span<const Strategy> all_strategies() {
  return strategies;
}

const Strategy* find_strategy(std::string_view name) {
  const auto* const row =
      std::find_if(strategies.begin(), strategies.end(),
                   [&](const Strategy& strategy) { return strategy.name == name; });
  return row == strategies.end() ? nullptr : row;
}

}  // namespace bertq::engine
