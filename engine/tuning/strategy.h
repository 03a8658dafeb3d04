// Search strategies: in which order configurations are tried. Functions of the space, the seed and
// the outcomes they are told, and of nothing else, so that a search can be repeated and resumed.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/tuning/trials.h"
#include "engine/tuning/tuning_space.h"

namespace bertq::engine {

// Asks until it has nothing more to ask, or Trials throws SearchEnded.
using Search = void (*)(const TuningSpace& space, Trials& trials, std::uint64_t seed);

struct Strategy {
  std::string_view name, summary;
  Search search;
  bool ends_by_itself;  // before the whole space is tried: needs no exit policy
};

// bertq's own first, then LPOT's.
std::span<const Strategy> all_strategies();
const Strategy* find_strategy(std::string_view name);  // nullptr: there is none

// sensitivity.cpp
void search_by_sensitivity(const TuningSpace& space, Trials& trials, std::uint64_t seed);
// fallback.cpp: LPOT's basic and mse
void search_basic(const TuningSpace& space, Trials& trials, std::uint64_t seed);
void search_mse(const TuningSpace& space, Trials& trials, std::uint64_t seed);
// exhaustive.cpp
void search_exhaustively(const TuningSpace& space, Trials& trials, std::uint64_t seed);
// random.cpp
void search_at_random(const TuningSpace& space, Trials& trials, std::uint64_t seed);
// bayesian.cpp
void search_bayesian(const TuningSpace& space, Trials& trials, std::uint64_t seed);

}  // namespace bertq::engine
