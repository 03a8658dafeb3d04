#include "engine/squad/squad_evaluator.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string_view>

#include "engine/squad/normalized_answer.h"

namespace bertq::engine {
namespace {

// A column of the points.
using Column = double SquadPoints::*;

double percent(double sum, std::size_t count) {
  return 100.0 * sum / static_cast<double>(count);
}

// The names of one group of v2.0's scores.
struct GroupNames {
  std::string_view exact, f1, total;
};

void add_group(const GroupNames& names, std::span<const SquadOutcome> outcomes,
               std::vector<Score>& scores) {
  if (outcomes.empty()) return;
  double exact = 0.0, f1 = 0.0;
  for (const SquadOutcome& outcome : outcomes) {
    exact += outcome.points.exact;
    f1 += outcome.points.f1;
  }
  scores.push_back({names.exact, percent(exact, outcomes.size())});
  scores.push_back({names.f1, percent(f1, outcomes.size())});
  scores.push_back({names.total, static_cast<double>(outcomes.size())});
}

std::vector<SquadOutcome> those(std::span<const SquadOutcome> outcomes, bool answerable) {
  std::vector<SquadOutcome> chosen;
  std::copy_if(outcomes.begin(), outcomes.end(), std::back_inserter(chosen),
               [&](const SquadOutcome& outcome) { return outcome.answerable == answerable; });
  return chosen;
}

// find_best_thresh(): starts with no question answered, and lets one after the other be answered,
// the surest first.
void add_best(std::string_view name, std::string_view threshold_name, Column column,
              std::span<const SquadOutcome> outcomes, std::vector<Score>& scores) {
  std::vector<std::size_t> order(outcomes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return outcomes[a].null_odds < outcomes[b].null_odds;
  });
  double current = 0.0;
  for (const SquadOutcome& outcome : outcomes) current += outcome.answerable ? 0.0 : 1.0;
  double best = current, threshold = 0.0;
  for (const std::size_t i : order) {
    const SquadOutcome& outcome = outcomes[i];
    current += outcome.answerable ? outcome.points.*column : outcome.answered ? -1.0 : 0.0;
    if (current <= best) continue;
    best = current;
    threshold = outcome.null_odds;
  }
  scores.push_back({name, percent(best, outcomes.size())});
  scores.push_back({threshold_name, threshold});
}

}  // namespace

SquadPoints squad_points(SquadVersion version, const SquadQuestion& question,
                         const std::string& answer) {
  const NormalizedAnswer given(answer);
  SquadPoints points;
  bool compared = false;
  for (const std::string& text : question.answers) {
    const NormalizedAnswer right(text);
    if (version == SquadVersion::v2_0 && right.empty()) continue;
    compared = true;
    points.exact = std::max(points.exact, given.exact_match(right));
    points.f1 = std::max(points.f1, given.f1(right));
  }
  if (!compared && given.empty()) return {1.0, 1.0};
  return points;
}

std::vector<Score> score_squad_v1(std::span<const SquadPoints> points) {
  double exact = 0.0, f1 = 0.0;
  for (const SquadPoints& each : points) {
    exact += each.exact;
    f1 += each.f1;
  }
  return {{"exact_match", percent(exact, points.size())}, {"f1", percent(f1, points.size())}};
}

std::vector<Score> score_squad_v2(std::span<const SquadOutcome> outcomes) {
  std::vector<Score> scores;
  add_group({"exact", "f1", "total"}, outcomes, scores);
  add_group({"HasAns_exact", "HasAns_f1", "HasAns_total"}, those(outcomes, true), scores);
  add_group({"NoAns_exact", "NoAns_f1", "NoAns_total"}, those(outcomes, false), scores);
  add_best("best_exact", "best_exact_thresh", &SquadPoints::exact, outcomes, scores);
  add_best("best_f1", "best_f1_thresh", &SquadPoints::f1, outcomes, scores);
  return scores;
}

}  // namespace bertq::engine
