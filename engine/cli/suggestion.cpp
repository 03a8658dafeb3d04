#include "engine/cli/suggestion.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace bertq::engine::cli {
namespace {

// Edit distance: insertions, deletions, replacements.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string suggestion(std::string_view typed, std::span<const std::string> known) {
  constexpr std::size_t longest_typo = 64;  // beyond it, nobody meant one of ours
  if (typed.size() > longest_typo || known.empty()) return "";
  const auto nearest = std::min_element(
      known.begin(), known.end(),
      [&](const auto& a, const auto& b) { return distance(typed, a) < distance(typed, b); });
  const std::size_t errors = distance(typed, *nearest);
  // What would have to be typed anew is no typo of it: xml of md.
  const bool close = errors <= std::max<std::size_t>(2, typed.size() / 3) &&
                     errors < std::min(typed.size(), nearest->size());
  return close ? fmt::format("; did you mean '{}'?", *nearest) : "";
}

}  // namespace bertq::engine::cli
