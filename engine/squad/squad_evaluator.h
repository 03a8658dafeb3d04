// The scores of SQuAD, in 0..100: the sums of evaluate-v1.1.py and evaluate-v2.0.py in their order,
// so that they agree to the last digit.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/squad/squad_reader.h"
#include "engine/task/metrics.h"

namespace bertq::engine {

// What one answer earns: 0..1 each.
struct SquadPoints {
  double exact = 0.0, f1 = 0.0;
};

// The most that the answer earns by any of the right ones. v2.0: a question without right answers
// wants "", and an answer of which nothing is left after normalising counts as "".
SquadPoints squad_points(SquadVersion version, const SquadQuestion& question,
                         const std::string& answer);

// "exact_match" and "f1", over the questions. Not empty.
std::vector<Score> score_squad_v1(std::span<const SquadPoints> points);

// An answered question of v2.0.
struct SquadOutcome {
  SquadPoints points;
  bool answerable = false;
  bool answered = false;   // not with ""
  double null_odds = 0.0;  // how sure the model is that there is no answer
};
// "exact", "f1", "total", the same of the questions with ("HasAns_...") and without an answer
// ("NoAns_..."), and what the best threshold on null_odds would have given ("best_exact",
// "best_exact_thresh", "best_f1", "best_f1_thresh"). Not empty.
std::vector<Score> score_squad_v2(std::span<const SquadOutcome> outcomes);

}  // namespace bertq::engine
