#include "engine/tuning/goal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace bertq::engine {
namespace {

struct ObjectiveRow {
  Objective objective;
  std::string_view name, lpot_name;
};
constexpr std::array<ObjectiveRow, 3> objectives{{
    {Objective::time, "time", "performance"},
    {Objective::memory, "memory", "footprint"},
    {Objective::size, "size", "modelsize"},
}};

}  // namespace

std::string_view objective_name(Objective objective) {
  return objectives.at(static_cast<std::size_t>(objective)).name;
}

std::optional<Objective> find_objective(std::string_view name) {
  const auto* const row = std::find_if(
      objectives.begin(), objectives.end(),
      [&](const ObjectiveRow& known) { return name == known.name || name == known.lpot_name; });
  if (row == objectives.end()) return std::nullopt;
  return row->objective;
}

double Goal::target(double baseline) const {
  const double allowed = relative ? tolerance * std::fabs(baseline) : tolerance;
  return higher_is_better ? baseline - allowed : baseline + allowed;
}

bool Goal::met(double score, double baseline) const {
  return higher_is_better ? score >= target(baseline) : score < target(baseline);
}

std::optional<double> parse_tolerance(std::string_view text) {
  double scale = 1.0;
  if (text.ends_with('%')) {
    text.remove_suffix(1);
    scale = 0.01;
  }
  double value = 0.0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end || !std::isfinite(value)) return std::nullopt;
  return value * scale;
}

bool ExitPolicy::ends(std::size_t trials, double elapsed_seconds, bool goal_met) const {
  if (performance_only || trials >= max_trials) return true;
  if (!timeout_seconds) return false;
  return *timeout_seconds == 0.0 ? goal_met : elapsed_seconds >= *timeout_seconds;
}

}  // namespace bertq::engine
