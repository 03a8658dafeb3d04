// The Server scenario: a Poisson load on the engine's own dynamic batching.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/cli/bench_load.h"
#include "engine/cli/bench_sessions.h"
#include "engine/serving/batcher.h"

namespace bertq::engine::cli {

class BenchServer {
 public:
  // Starts the batcher and warms it up. The input outlives this.
  BenchServer(const ScenarioInput& input, const BatcherOptions& options);
  ~BenchServer();

  // Arrivals for `seconds` at `rate`, at least 20 of them. Throws what a request failed with.
  BenchRun run(double rate, double seconds, std::uint64_t seed);

  // The highest rate up to `most` that keeps p99 under `bound` seconds: bisection, and then lower
  // until a second run holds as well. 0 if none does. Adds each trial to `trials`.
  double find_rate(double most, double bound, double seconds, std::uint64_t seed,
                   std::vector<RateTrial>& trials);

 private:
  class Target;
  const ScenarioInput& input_;
  Batcher batcher_;
};

}  // namespace bertq::engine::cli
