#include "engine/cli/bench_report.h"

#include <fmt/format.h>

#include "engine/cli/statistics.h"
#include "engine/cli/table.h"

namespace bertq::engine::cli {
namespace {

constexpr double milli = 1e3, mega = 1e6, percent = 100.0;

std::string tokenization(const BenchReport& report) {
  return report.options.tokenize ? "in" : "out";
}

Json spread_json(const BenchResult& result) {
  return {{"median_ms", json_or_null(latency(result, 50).spread)},
          {"p90_ms", json_or_null(latency(result, 90).spread)},
          {"p99_ms", json_or_null(latency(result, 99).spread)},
          {"examples_per_second", json_or_null(examples_per_second(result).spread)}};
}

Json trials_json(const BenchResult& result) {
  Json trials = Json::array();
  for (const RateTrial& trial : result.trials) {
    trials.push_back({{"qps", trial.rate},
                      {"p50_ms", trial.p50 * milli},
                      {"p90_ms", trial.p90 * milli},
                      {"p99_ms", trial.p99 * milli},
                      {"refused", trial.refused},
                      {"held", trial.held}});
  }
  return trials;
}

void add_server(const BenchReport& report, const BenchResult& result, Json& entry) {
  const BatcherOptions& batching = report.options.batching;
  entry["setting"] = setting_of(result);
  entry["qps"] = result.rate;
  entry["offline_examples_per_second"] = result.offline_rate;
  entry["p99_bound_ms"] = report.options.p99_bound * milli;
  entry["max_delay_ms"] = static_cast<double>(batching.max_delay.count()) / milli;
  entry["max_batch_tokens"] = batching.max_batch_tokens;
  entry["max_waiting_tokens"] = batching.max_waiting_tokens;
  entry["refused"] = sum_of(result, &BenchRun::refused);
  entry["slowest_refusal_ms"] = most_of(result, &BenchRun::slowest_refusal) * milli;
  entry["latest_submit_ms"] = most_of(result, &BenchRun::latest_submit) * milli;
  if (setting_of(result) == "highest") entry["trials"] = trials_json(result);
}

Json result_json(const BenchReport& report, const BenchResult& result) {
  Json entry = {{"shape", result.shape},
                {"precision", result.precision},
                {"activations", result.activations},
                {"isa", jit::isa_name(report.isa)},
                {"threads", report.options.batching.threads},
                {"median_ms", latency(result, 50).value * milli},
                {"p99_ms", latency(result, 99).value * milli},
                {"gops", gops(result)},
                {"peak_rss_bytes", json_or_null(result.peak_rss_bytes)},
                {"p25_ms", latency(result, 25).value * milli},
                {"p75_ms", latency(result, 75).value * milli},
                {"p90_ms", latency(result, 90).value * milli},
                {"runs", result.runs.size()},
                {"examples_per_second", examples_per_second(result).value},
                {"tokens_per_second", tokens_per_second(result)},
                {"spread", spread_json(result)}};
  if (!result.scenario) return entry;
  entry["scenario"] = scenario_name(result.scenario->kind);
  entry["tokenization"] = tokenization(report);
  entry["instances"] = report.options.batching.instances;
  entry["requests"] = result.requests;
  entry["examples"] = sum_of(result, &BenchRun::examples);
  entry["tokens"] = sum_of(result, &BenchRun::tokens);
  entry["batches"] = sum_of(result, &BenchRun::batches);
  entry["padding_avoided"] = result.padding_avoided;
  if (result.scenario->kind == ScenarioKind::server) add_server(report, result, entry);
  return entry;
}

std::string milliseconds(double seconds) {
  return fmt::format("{:.2f}", seconds * milli);
}

std::string spread_text(const Figure& figure) {
  return figure.spread ? fmt::format("{:.1f}", *figure.spread * percent) : "-";
}

std::vector<std::string> with_comparison(const BenchReport& report, std::vector<std::string> cells,
                                         const std::string& last) {
  if (report.comparison) cells.push_back(last);
  return cells;
}

std::string changes_of(const BenchReport& report, std::size_t index) {
  return report.comparison ? changes_text(*report.comparison, index) : "";
}

std::string shapes_text(const BenchReport& report, std::string_view format) {
  Table table(with_comparison(report,
                              {"shape", "precision", "activations", "isa", "threads", "median ms",
                               "p99 ms", "GOPS", "peak RSS MB", "examples/s", "spread %"},
                              "against the baseline"));
  for (std::size_t i = 0; i < report.results.size(); ++i) {
    const BenchResult& result = report.results[i];
    const auto peak = result.peak_rss_bytes;
    const Figure median = latency(result, 50);
    table.add(with_comparison(
        report,
        {result.shape, result.precision, activations_text(result),
         std::string(jit::isa_name(report.isa)), fmt::format("{}", report.options.batching.threads),
         milliseconds(median.value), milliseconds(latency(result, 99).value),
         fmt::format("{:.0f}", gops(result)),
         peak ? fmt::format("{:.0f}", static_cast<double>(*peak) / mega) : "-",
         fmt::format("{:.1f}", examples_per_second(result).value), spread_text(median)},
        changes_of(report, i)));
  }
  return table.text(format);
}

std::string scenarios_text(const BenchReport& report, std::string_view format) {
  Table table(with_comparison(
      report,
      {"scenario", "requests", "precision", "activations", "isa", "threads", "instances",
       "tokenization", "setting", "qps", "examples/s", "tokens/s", "spread %", "p50 ms", "p90 ms",
       "p99 ms", "batches", "refused", "padding avoided %"},
      "against the baseline"));
  for (std::size_t i = 0; i < report.results.size(); ++i) {
    const BenchResult& result = report.results[i];
    const bool server = result.scenario->kind == ScenarioKind::server;
    const bool requests = result.scenario->kind != ScenarioKind::offline;  // else of whole passes
    const auto late = [&](double share) {
      return requests ? milliseconds(latency(result, share).value) : "-";
    };
    const Figure rate = examples_per_second(result), p50 = latency(result, 50);
    const std::string setting = setting_of(result);
    table.add(with_comparison(
        report,
        {std::string(scenario_name(result.scenario->kind)), result.shape, result.precision,
         activations_text(result), std::string(jit::isa_name(report.isa)),
         fmt::format("{}", report.options.batching.threads),
         fmt::format("{}", report.options.batching.instances), tokenization(report),
         setting.empty() ? "-" : setting, server ? fmt::format("{:.1f}", result.rate) : "-",
         fmt::format("{:.1f}", rate.value), fmt::format("{:.0f}", tokens_per_second(result)),
         spread_text(server ? p50 : rate), late(50), late(90), late(99),
         fmt::format("{}", sum_of(result, &BenchRun::batches)),
         fmt::format("{}", sum_of(result, &BenchRun::refused)),
         fmt::format("{:.1f}", result.padding_avoided * percent)},
        changes_of(report, i)));
  }
  return table.text(format);
}

}  // namespace

Json bench_json(const BenchReport& report) {
  Json results = Json::array();
  for (const BenchResult& result : report.results) results.push_back(result_json(report, result));
  Json models = Json::array();
  for (const auto& model : report.models) {
    models.push_back({{"precision", model.precision},
                      {"activations", model.activations},
                      {"weights_bytes", model.weights_bytes}});
  }
  return {{"schema_version", 1},
          {"version", BERTQ_VERSION},
          {"cpu", jit::describe_cpu().name},
          {"model", report.model},
          {"weights_bytes", report.models.at(0).weights_bytes},
          {"models", models},
          {"results", results}};
}

Json comparison_json(const Comparison& comparison) {
  Json changes = Json::array();
  for (const Change& change : comparison.changes) {
    changes.push_back({{"result", change.result},
                       {"metric", change.metric},
                       {"before", change.before},
                       {"now", change.now},
                       {"worse_by", change.worse_by},
                       {"noise", change.noise},
                       {"regression", change.regression()}});
  }
  return {{"file", comparison.file},
          {"compared", comparison.compared},
          {"regressions", comparison.regressions()},
          {"changes", changes}};
}

std::string bench_text(const BenchReport& report, std::string_view format) {
  return report.options.scenarios.empty() ? shapes_text(report, format)
                                          : scenarios_text(report, format);
}

}  // namespace bertq::engine::cli
