// Runs what `bench` was asked for: several models in alternation, so that a machine that becomes
// slower for a while slows down all of them.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/cli/bench_options.h"
#include "engine/cli/bench_requests.h"
#include "engine/cli/bench_result.h"
#include "engine/cli/bench_subject.h"

namespace bertq::engine::cli {

struct BenchPlan {
  std::span<const Subject> subjects;  // at least one
  std::span<const RequestSet> sets;
  const BenchOptions& options;
  const Arguments& arguments;            // for --batch and --pad-to
  std::function<void()> on_result = {};  // called after each result
};

// Passes over each set as the shape that it is. Results by set, then subject.
std::vector<BenchResult> measure_shapes(const BenchPlan& plan);

// Every scenario on each set. Results by set, then scenario, then subject.
std::vector<BenchResult> measure_scenarios(const BenchPlan& plan);

}  // namespace bertq::engine::cli
