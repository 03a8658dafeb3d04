#include "engine/squad/squad_evaluator.h"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/squad/normalized_answer.h"

namespace bertq::engine {
namespace {

SquadQuestion with_answers(std::vector<std::string> answers) {
  return {"1", "What?", 0, std::move(answers)};
}

TEST_CASE("answers are normalised and compared as Python's evaluation does") {
  std::ifstream file(std::string(BERTQ_TEST_DATA) + "/squad/comparisons.json");
  const auto rows = nlohmann::json::parse(file);
  REQUIRE(rows.size() > 50);
  for (const auto& row : rows) {
    const std::string answer = row["answer"], right = row["right"];
    CAPTURE(row.dump());
    CHECK(normalize_answer(answer) == row["normalized"][0]);
    CHECK(normalize_answer(right) == row["normalized"][1]);
    const NormalizedAnswer given(answer), truth(right);
    CHECK(given.exact_match(truth) == row["exact"].get<double>());
    CHECK(given.f1(truth) == row["f1"].get<double>());
  }
}

TEST_CASE("the best of several right answers counts, each metric for itself") {
  const auto points =
      squad_points(SquadVersion::v1_1, with_answers({"a red bus", "bus stop", "bus"}), "red buses");
  CHECK(points.exact == 0.0);
  CHECK(points.f1 == doctest::Approx(0.5));
  CHECK(squad_points(SquadVersion::v1_1, with_answers({"x", "The bus."}), "bus").exact == 1.0);
}

TEST_CASE("answers of which normalising leaves nothing") {
  struct Row {
    std::vector<std::string> right;
    std::string given;
    SquadPoints v1, v2;
  };
  const std::vector<Row> rows{
      // v1.1 has no word in common; v2.0 drops the right answer, so that "" is wanted.
      {{"the"}, "A", {1, 0}, {1, 1}},
      {{"the"}, "bus", {0, 0}, {0, 0}},
      {{"the", "bus"}, "an", {1, 0}, {0, 0}},
      {{"bus"}, "", {0, 0}, {0, 0}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.given);
    const SquadQuestion question = with_answers(row.right);
    const auto v1 = squad_points(SquadVersion::v1_1, question, row.given);
    const auto v2 = squad_points(SquadVersion::v2_0, question, row.given);
    CHECK(v1.exact == row.v1.exact);
    CHECK(v1.f1 == row.v1.f1);
    CHECK(v2.exact == row.v2.exact);
    CHECK(v2.f1 == row.v2.f1);
  }
  CHECK(squad_points(SquadVersion::v2_0, with_answers({}), "").f1 == 1.0);
  CHECK(squad_points(SquadVersion::v2_0, with_answers({}), "the").exact == 1.0);
  CHECK(squad_points(SquadVersion::v2_0, with_answers({}), "bus").f1 == 0.0);
}

double value(const std::vector<Score>& scores, std::string_view name) {
  for (const Score& score : scores) {
    if (score.name == name) return score.value;
  }
  FAIL("no score " << name);
  return 0.0;
}

TEST_CASE("v1.1 has two scores, in percent") {
  const std::vector<SquadPoints> points{{1, 1}, {0, 0.5}, {0, 0}};
  const auto scores = score_squad_v1(points);
  REQUIRE(scores.size() == 2);
  CHECK(scores[0].name == "exact_match");
  CHECK(scores[0].value == 100.0 * 1 / 3);
  CHECK(scores[1].name == "f1");
  CHECK(scores[1].value == 100.0 * 1.5 / 3);
}

TEST_CASE("the best threshold of v2.0 is searched among the odds themselves") {
  // Answering only the two surest is best: right, and half right; the third is no question.
  const std::vector<SquadOutcome> outcomes{{{0, 0}, false, true, 3.0},
                                           {{1, 1}, true, true, -2.0},
                                           {{0, 0.5}, true, true, -1.0},
                                           {{1, 1}, false, false, 5.0}};
  const auto scores = score_squad_v2(outcomes);
  CHECK(value(scores, "total") == 4);
  CHECK(value(scores, "exact") == 50.0);
  CHECK(value(scores, "HasAns_f1") == 75.0);
  CHECK(value(scores, "NoAns_total") == 2);
  CHECK(value(scores, "best_exact") == 100.0 * 3 / 4);
  CHECK(value(scores, "best_exact_thresh") == -2.0);
  CHECK(value(scores, "best_f1") == 100.0 * 3.5 / 4);
  CHECK(value(scores, "best_f1_thresh") == -1.0);
}

TEST_CASE("a set where all questions have answers has no scores of those without") {
  const std::vector<SquadOutcome> outcomes{{{1, 1}, true, true, 0.0}};
  for (const Score& score : score_squad_v2(outcomes)) CHECK_FALSE(score.name.starts_with("NoAns"));
}

}  // namespace
}  // namespace bertq::engine
