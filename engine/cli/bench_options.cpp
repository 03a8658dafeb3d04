#include "engine/cli/bench_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "bertq/error.h"
#include "engine/cli/setup.h"

namespace bertq::engine::cli {
namespace {

constexpr double milli = 1e-3, most_milliseconds = 60'000.0;  // longest_delay, for one
constexpr double most_qps = 1e6, most_load = 100.0;

struct ScenarioWord {
  std::string_view word;  // in lower case
  ScenarioKind kind;
};
constexpr ScenarioWord words[] = {
    {"offline", ScenarioKind::offline},
    {"single", ScenarioKind::single_stream},
    {"singlestream", ScenarioKind::single_stream},
    {"server", ScenarioKind::server},
};

// A number in (0, most], or with `zero` in [0, most].
std::optional<double> parse_number(std::string_view text, double most, bool zero) {
  double value = 0.0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == end && std::isfinite(value);
  if (!whole || value > most || value < 0.0 || (value == 0.0 && !zero)) return std::nullopt;
  return value;
}

double seconds_of(const Arguments& arguments, std::string_view flag, bool zero) {
  const auto value = parse_number(arguments.text(flag), most_milliseconds, zero);
  if (value) return *value * milli;
  throw Error(ErrorKind::usage, fmt::format("--{}: expected milliseconds {} {:.0f}, got '{}'", flag,
                                            zero ? "from 0 to" : "above 0, up to",
                                            most_milliseconds, arguments.text(flag)));
}

Scenario parse_scenario(std::string_view text) {
  const auto refuse = [&] {
    throw Error(ErrorKind::usage,
                fmt::format("--scenario: expected offline, single, server, server:qps=N or "
                            "server:load=X, got '{}'",
                            text));
  };
  const std::size_t colon = std::min(text.find(':'), text.size());
  std::string name(text.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto* const word = std::find_if(std::begin(words), std::end(words),
                                        [&](const auto& known) { return known.word == name; });
  if (word == std::end(words)) refuse();
  Scenario scenario{word->kind, std::nullopt, std::nullopt};
  if (colon == text.size()) return scenario;
  const std::string_view setting = text.substr(colon + 1);
  constexpr std::string_view qps = "qps=", load = "load=";
  if (setting.starts_with(qps)) {
    scenario.qps = parse_number(setting.substr(qps.size()), most_qps, false);
  } else if (setting.starts_with(load)) {
    scenario.load = parse_number(setting.substr(load.size()), most_load, false);
  }
  if (scenario.kind != ScenarioKind::server || (!scenario.qps && !scenario.load)) refuse();
  return scenario;
}

}  // namespace

std::string_view scenario_name(ScenarioKind kind) {
  switch (kind) {
    case ScenarioKind::offline:
      return "Offline";
    case ScenarioKind::single_stream:
      return "SingleStream";
    case ScenarioKind::server:
      break;
  }
  return "Server";
}

std::vector<Scenario> parse_scenarios(std::string_view list) {
  std::vector<Scenario> scenarios;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    scenarios.push_back(parse_scenario(list.substr(0, comma)));
    list.remove_prefix(comma);
    if (list == ",") scenarios.push_back(parse_scenario(""));  // what follows the last comma
    list.remove_prefix(std::min<std::size_t>(1, list.size()));
  }
  return scenarios;
}

BenchOptions bench_options(const Arguments& arguments) {
  BenchOptions options;
  options.scenarios = parse_scenarios(arguments.text("scenario"));
  for (const char* flag : {"tokenize", "instances", "p99-bound", "max-delay", "max-batch-tokens",
                           "max-waiting-tokens"}) {
    if (options.scenarios.empty() && arguments.given(flag)) {
      throw Error(ErrorKind::usage, fmt::format("--{} belongs to --scenario", flag));
    }
  }
  options.seconds = static_cast<double>(arguments.number("seconds"));
  options.repeat = arguments.number("repeat");
  options.tokenize = arguments.text("tokenize") == "in";
  options.p99_bound = seconds_of(arguments, "p99-bound", false);
  options.seed = arguments.number("seed");
  BatcherOptions& batching = options.batching;
  batching.instances = arguments.number("instances");
  batching.threads = chosen_threads(arguments, batching.instances);
  if (arguments.given("max-batch-tokens")) {
    batching.max_batch_tokens = arguments.number("max-batch-tokens");
  }
  batching.max_waiting_tokens = arguments.number("max-waiting-tokens");
  batching.max_delay = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::duration<double>(seconds_of(arguments, "max-delay", true)));
  return options;
}

}  // namespace bertq::engine::cli
