// How `bench` measures, from its flags.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/cli/arguments.h"
#include "engine/serving/batcher.h"

namespace bertq::engine::cli {

enum class ScenarioKind : std::uint8_t { offline, single_stream, server };

struct Scenario {
  ScenarioKind kind = ScenarioKind::offline;
  // Of a server one of these, or neither: then the highest rate that keeps the bound is sought.
  std::optional<double> qps;   // arrivals a second
  std::optional<double> load;  // as a multiple of the Offline rate
};

// As MLPerf writes it: "Offline", "SingleStream", "Server".
std::string_view scenario_name(ScenarioKind kind);

// "offline,single,server:qps=40,server:load=0.8"; MLPerf's own names do too, in any case. Throws
// Error (usage).
std::vector<Scenario> parse_scenarios(std::string_view list);

struct BenchOptions {
  std::vector<Scenario> scenarios;  // none: passes over shapes
  double seconds = 3.0;             // of a shape, or of each run of a scenario
  std::size_t repeat = 3;           // runs
  bool tokenize = false;            // within the time of a request
  double p99_bound = 0.13;          // seconds
  BatcherOptions batching;          // with the number of instances, and of threads of each
  std::uint64_t seed = 1;
};

// Throws Error (usage) for numbers that are none, and for flags of scenarios without any.
BenchOptions bench_options(const Arguments& arguments);

}  // namespace bertq::engine::cli
