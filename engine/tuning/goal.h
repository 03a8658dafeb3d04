// When a recipe is good enough, which of two good ones is better, and when a search ends.
//
// Source: LPOT v1.3 (objective.py, strategy.py). One thing is done otherwise: a relative tolerance
// is a share of the baseline's magnitude. LPOT multiplies the baseline itself, so that one below
// zero (a correlation) would ask for more than FP32 has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bertq::engine {

enum class Objective : std::uint8_t { time, memory, size };
std::string_view objective_name(Objective objective);
// Also by LPOT's names: performance, footprint, modelsize.
std::optional<Objective> find_objective(std::string_view name);

struct Goal {
  bool relative = true;
  double tolerance = 0.01;  // of the baseline, or absolute
  bool higher_is_better = true;
  Objective objective = Objective::time;

  // The worst score that is good enough.
  double target(double baseline) const;
  // At the target counts as met where higher is better, but not where lower is (LPOT's rule).
  bool met(double score, double baseline) const;
  // Greater is better, whatever the metric means.
  double merit(double score) const { return higher_is_better ? score : -score; }
};

// "0.01" or "1%". Empty for anything else, and for what is not finite.
std::optional<double> parse_tolerance(std::string_view text);

// Judged after each trial, never within one. Duplicates of an earlier trial are not run again but
// count. The baseline is no trial; its time counts.
struct ExitPolicy {
  // Absent: the strategy ends by itself. 0: at the first recipe that meets the goal. Otherwise the
  // search goes on for faster ones until so much time has passed.
  std::optional<double> timeout_seconds = 0.0;
  std::size_t max_trials = 100;
  bool performance_only = false;  // one trial, whatever its score

  bool ends(std::size_t trials, double elapsed_seconds, bool goal_met) const;
};

}  // namespace bertq::engine
