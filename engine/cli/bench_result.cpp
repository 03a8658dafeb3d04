#include "engine/cli/bench_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "engine/cli/statistics.h"

namespace bertq::engine::cli {
namespace {

constexpr double giga = 1e9;

double sum_seconds(const BenchResult& result) {
  double sum = 0.0;
  for (const BenchRun& run : result.runs) sum += run.seconds;
  return sum;
}

double over(double amount, double seconds) {
  return seconds > 0.0 ? amount / seconds : 0.0;
}

Figure with_spread(double value, const BenchResult& result,
                   const std::function<double(const BenchRun&)>& of_run) {
  Figure figure{value, std::nullopt};
  if (result.runs.size() < 2 || value <= 0.0) return figure;
  std::vector<double> values;
  for (const BenchRun& run : result.runs) values.push_back(of_run(run));
  const auto [lowest, highest] = std::minmax_element(values.begin(), values.end());
  figure.spread = (*highest - *lowest) / value;
  return figure;
}

double percentile_or_zero(const std::vector<double>& values, double percent) {
  return values.empty() ? 0.0 : percentile(values, percent);
}

}  // namespace

Figure latency(const BenchResult& result, double percent) {
  return with_spread(
      percentile_or_zero(all_latencies(result), percent), result,
      [&](const BenchRun& run) { return percentile_or_zero(run.latencies, percent); });
}

std::string activations_text(const BenchResult& result) {
  return result.precision == "fp32" || result.precision == "bf16" ? "-" : result.activations;
}

Figure examples_per_second(const BenchResult& result) {
  const auto examples = static_cast<double>(sum_of(result, &BenchRun::examples));
  return with_spread(over(examples, sum_seconds(result)), result, [](const BenchRun& run) {
    return over(static_cast<double>(run.examples), run.seconds);
  });
}

double tokens_per_second(const BenchResult& result) {
  return over(static_cast<double>(sum_of(result, &BenchRun::tokens)), sum_seconds(result));
}

double gops(const BenchResult& result) {
  double operations = 0.0;
  std::size_t passes = 0;
  for (const BenchRun& run : result.runs) {
    operations += run.operations;
    passes += run.latencies.size();
  }
  if (result.scenario) return over(operations, sum_seconds(result)) / giga;
  return over(operations / static_cast<double>(std::max<std::size_t>(passes, 1)),
              latency(result, 50).value) /
         giga;
}

std::vector<double> all_latencies(const BenchResult& result) {
  std::vector<double> all;
  for (const BenchRun& run : result.runs) {
    all.insert(all.end(), run.latencies.begin(), run.latencies.end());
  }
  return all;
}

std::size_t sum_of(const BenchResult& result, std::size_t BenchRun::*count) {
  std::size_t sum = 0;
  for (const BenchRun& run : result.runs) sum += run.*count;
  return sum;
}

double most_of(const BenchResult& result, double BenchRun::*seconds) {
  double most = 0.0;
  for (const BenchRun& run : result.runs) most = std::max(most, run.*seconds);
  return most;
}

std::string setting_of(const BenchResult& result) {
  if (!result.scenario || result.scenario->kind != ScenarioKind::server) return "";
  if (result.scenario->qps) return fmt::format("qps={:g}", *result.scenario->qps);
  if (result.scenario->load) return fmt::format("load={:g}", *result.scenario->load);
  return "highest";
}

}  // namespace bertq::engine::cli
