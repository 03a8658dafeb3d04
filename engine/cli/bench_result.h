// What `bench` has measured, and the figures that sum it up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/cli/bench_options.h"

namespace bertq::engine::cli {

// One run: passes over a shape, or a scenario.
struct BenchRun {
  // Of each pass over all requests; SingleStream and Server: of each answered request.
  std::vector<double> latencies;
  double seconds = 0.0;      // that the run took
  std::size_t examples = 0;  // answered
  std::size_t tokens = 0;    // of them
  double operations = 0.0;   // for them
  std::size_t batches = 0;
  // Server alone (bench_load.h).
  std::size_t refused = 0;
  double slowest_refusal = 0.0, latest_submit = 0.0;
};

// One rate of a search, and what came of it.
struct RateTrial {
  double rate = 0.0;                       // arrivals a second
  double p50 = 0.0, p90 = 0.0, p99 = 0.0;  // seconds
  std::size_t refused = 0;
  bool held = false;  // nothing was refused, and p99 kept the bound
};

struct BenchResult {
  std::string shape;        // "8x128", or the name of a task
  std::string precision;    // "fp32", "int8", "tuned"
  std::string activations;  // "dynamic", "static"
  std::vector<BenchRun> runs;
  std::optional<std::uint64_t> peak_rss_bytes;

  std::optional<Scenario> scenario;  // none: passes over a shape
  std::size_t requests = 0;          // different ones
  double padding_avoided = 0.0;      // share of padded batches of 8 that would be padding
  // Server alone.
  double rate = 0.0;          // arrivals a second; 0: the search found none
  double offline_rate = 0.0;  // examples a second
  std::vector<RateTrial> trials;
};

// A figure of all runs together, and how far apart those of each run alone lie: (highest - lowest)
// over the figure. No spread of a single run.
struct Figure {
  double value = 0.0;
  std::optional<double> spread;
};

// Seconds; of all runs' latencies together. 0 where nothing was answered.
Figure latency(const BenchResult& result, double percent);
// For people: "-" where layers have no ranges, in FP32 and BF16.
std::string activations_text(const BenchResult& result);
// Of all runs together.
Figure examples_per_second(const BenchResult& result);
double tokens_per_second(const BenchResult& result);
// Of a shape: of its median pass. Of a scenario: of all arithmetic over all time.
double gops(const BenchResult& result);

std::vector<double> all_latencies(const BenchResult& result);
std::size_t sum_of(const BenchResult& result, std::size_t BenchRun::*count);
double most_of(const BenchResult& result, double BenchRun::*seconds);

// How the scenario was asked for: "qps=40", "load=0.8", "highest" of a server; else "".
std::string setting_of(const BenchResult& result);

}  // namespace bertq::engine::cli
