#include "engine/tuning/goal.h"

#include <doctest/doctest.h>

#include <limits>

namespace bertq::testing {
using namespace engine;
namespace {

TEST_CASE("targets: LPOT's, but a share of the baseline's magnitude") {
  struct Case {
    Goal goal;
    double baseline, target;
  };
  const Case cases[] = {
      {{true, 0.01, true}, 0.9, 0.891},    {{true, 0.01, false}, 0.9, 0.909},
      {{false, 0.01, true}, 0.9, 0.89},    {{false, 0.01, false}, 0.9, 0.91},
      {{true, -0.01, true}, 0.9, 0.909},   // asks for more than FP32 has
      {{true, 0.01, true}, -0.5, -0.505},  // base * (1 - v) would be -0.495
      {{true, 0.01, false}, -0.5, -0.495}, {{true, 0.01, true}, 0.0, 0.0},
  };
  for (const Case& row : cases) {
    CAPTURE(row.baseline);
    CHECK(row.goal.target(row.baseline) == doctest::Approx(row.target));
  }
}

TEST_CASE("at the target: enough where higher is better, not where lower is") {
  const Goal higher{false, 0.25, true}, lower{false, 0.25, false};
  CHECK(higher.met(0.5, 0.75));
  CHECK_FALSE(higher.met(0.499, 0.75));
  CHECK_FALSE(lower.met(1.0, 0.75));
  CHECK(lower.met(0.999, 0.75));
}

TEST_CASE("a score that is no number never meets a goal") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_FALSE(Goal{}.met(nan, 0.5));
  CHECK_FALSE(Goal{.higher_is_better = false}.met(nan, 0.5));
}

TEST_CASE("tolerances as numbers and percentages") {
  CHECK(parse_tolerance("0.01") == 0.01);
  CHECK(*parse_tolerance("1%") == doctest::Approx(0.01));
  CHECK(*parse_tolerance("-2.5%") == doctest::Approx(-0.025));
  CHECK(parse_tolerance("100") == 100.0);
  for (const char* wrong :
       {"", "%", "one", "1 %", "1%%", "0x1", "nan", "inf", "1e999", " 1", "+1"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_tolerance(wrong));
  }
}

TEST_CASE("when a search ends") {
  struct Case {
    ExitPolicy policy;
    std::size_t trials;
    double elapsed;
    bool met, ends;
  };
  const Case cases[] = {
      {{0.0, 100, false}, 1, 1e9, false, false},  // 0 is not "at once"
      {{0.0, 100, false}, 1, 0.0, true, true},    // but "at the first that meets the goal"
      {{0.0, 3, false}, 3, 0.0, false, true},
      {{60.0, 100, false}, 1, 59.9, true, false},  // time left: on for a faster one
      {{60.0, 100, false}, 1, 60.0, false, true},
      {{60.0, 2, false}, 2, 1.0, false, true},
      {{std::nullopt, 100, false}, 99, 1e9, true, false},
      {{std::nullopt, 100, false}, 100, 0.0, false, true},
      {{0.0, 100, true}, 1, 0.0, false, true},
  };
  for (const Case& row : cases) {
    CAPTURE(row.trials);
    CAPTURE(row.elapsed);
    CHECK(row.policy.ends(row.trials, row.elapsed, row.met) == row.ends);
  }
}

TEST_CASE("objectives by their own names and LPOT's") {
  CHECK(find_objective("time") == Objective::time);
  CHECK(find_objective("performance") == Objective::time);
  CHECK(find_objective("footprint") == Objective::memory);
  CHECK(find_objective("modelsize") == Objective::size);
  CHECK_FALSE(find_objective("speed"));
  CHECK(objective_name(Objective::size) == "size");
}

}  // namespace
}  // namespace bertq::testing
