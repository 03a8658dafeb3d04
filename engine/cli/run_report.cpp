#include "engine/cli/run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "bertq/error.h"
#include "engine/cli/output.h"
#include "engine/cli/statistics.h"
#include "engine/cli/table.h"
#include "loaders/printable.h"

namespace bertq::engine::cli {
namespace {

constexpr double milli = 1e3, mega = 1e6;

double examples_per_second(const PrecisionResult& result) {
  return static_cast<double>(result.examples) / result.seconds;
}

double milliseconds(const PrecisionResult& result, double percent) {
  return percentile(result.latencies, percent) * milli;
}

Json result_json(const PrecisionResult& result) {
  Json metrics = Json::object();
  for (const auto& [name, value] : result.metrics) metrics[std::string(name)] = value;
  Json json = {{"precision", result.precision},
               {"metrics", metrics},
               {"examples", result.examples},
               {"seconds", result.seconds},
               {"examples_per_second", examples_per_second(result)},
               {"latency_ms",
                {{"mean", mean(result.latencies) * milli},
                 {"p50", milliseconds(result, 50)},
                 {"p99", milliseconds(result, 99)}}},
               {"weights_bytes", result.weights_bytes},
               {"peak_rss_bytes", json_or_null(result.peak_rss_bytes)}};
  if (result.batch) json["batch"] = *result.batch;
  return json;
}

Json agreement_json(const Agreement& agreement) {
  Json json = {{"labels_equal", nullptr}, {"logit_error", agreement.logit_error}};
  if (agreement.labels_equal) json["labels_equal"] = *agreement.labels_equal;
  return json;
}

std::string percent(double share) {
  return fmt::format("{:.2f}", share * 100.0);
}

std::string megabytes(double bytes) {
  return fmt::format("{:.1f}", bytes / mega);
}

Table result_table(const RunReport& report) {
  std::vector<std::string> titles = {"precision"};
  for (const auto& [name, value] : report.results.front().metrics) titles.emplace_back(name);
  if (report.agreement) titles.insert(titles.end(), {"equal %", "error %"});
  titles.insert(titles.end(), {"examples/s", "p50 ms", "p99 ms", "weights MB", "peak RSS MB"});
  Table table(titles);
  for (const PrecisionResult& result : report.results) {
    std::vector<std::string> cells = {result.precision};
    for (const auto& [name, value] : result.metrics) cells.push_back(fmt::format("{:.4f}", value));
    if (report.agreement) {
      const bool last = &result == &report.results.back();
      const auto& equal = report.agreement->labels_equal;
      cells.push_back(last && equal ? percent(*equal) : "-");
      cells.push_back(last ? percent(report.agreement->logit_error) : "-");
    }
    cells.push_back(fmt::format("{:.1f}", examples_per_second(result)));
    cells.push_back(fmt::format("{:.2f}", milliseconds(result, 50)));
    cells.push_back(fmt::format("{:.2f}", milliseconds(result, 99)));
    cells.push_back(megabytes(static_cast<double>(result.weights_bytes)));
    cells.push_back(result.peak_rss_bytes ? megabytes(static_cast<double>(*result.peak_rss_bytes))
                                          : "-");
    table.add(cells);
  }
  return table;
}

// The metrics of the first set, or of the second without their suffix.
std::string eval_results(const PrecisionResult& result, bool second) {
  std::vector<std::string> lines;
  for (const auto& [name, value] : result.metrics) {
    if (name.ends_with(second_suffix) != second) continue;
    const auto plain = name.substr(0, name.size() - (second ? second_suffix.size() : 0));
    lines.push_back(fmt::format("{} = {}\n", plain, value));
  }
  std::sort(lines.begin(), lines.end());
  return fmt::format("{}", fmt::join(lines, ""));
}

void write_eval_results(const RunReport& report, const std::filesystem::path& folder, bool second) {
  make_folder(folder);
  for (const PrecisionResult& result : report.results) {
    const bool last = &result == &report.results.back();
    Output file(folder / (last ? "eval_results.txt" : "eval_results_" + result.precision + ".txt"));
    file.write(eval_results(result, second));
    file.finish();
  }
}

double value_of(const PrecisionResult& result, std::string_view metric) {
  const auto found = std::find_if(result.metrics.begin(), result.metrics.end(),
                                  [&](const Score& score) { return score.name == metric; });
  if (found == result.metrics.end()) throw std::logic_error("a goal that the task does not score");
  return found->value;
}

}  // namespace

std::optional<double> RunReport::relative_loss() const {
  if (results.size() < 2 || results.front().metrics.empty()) return std::nullopt;
  const std::string& name = goal.metric;
  const double before = value_of(results.front(), name), after = value_of(results.back(), name);
  return engine::relative_loss(before, after);
}

bool RunReport::goal_met() const {
  const auto loss = relative_loss();
  return loss && *loss <= goal.relative;
}

std::string RunReport::goal_sentence() const {
  const std::string& name = goal.metric;
  const PrecisionResult& last = results.back();
  const double loss = *relative_loss();
  const std::string around = interval ? fmt::format(" (95 % of resamples: {:.2f} to {:.2f} %)",
                                                    interval->low * 100.0, interval->high * 100.0)
                                      : "";
  return fmt::format("{} {:.4f} in {}, {:.2f} % {} fp32{}; at most {:g} % may be lost: {}", name,
                     value_of(last, name), last.precision, std::abs(loss) * 100.0,
                     loss >= 0.0 ? "below" : "above", around, goal.relative * 100.0,
                     goal_met() ? "met" : "MISSED");
}

Json report_json(const RunReport& report) {
  Json json = json_head(report.isa, report.threads);
  json["results"] = Json::array();
  for (const PrecisionResult& result : report.results) {
    json["results"].push_back(result_json(result));
  }
  if (report.agreement) json["results"].back().update(agreement_json(*report.agreement));
  json["goal"] = nullptr;
  if (report.relative_loss()) {
    json["goal"] = {{"metric", report.goal.metric},
                    {"relative", report.goal.relative},
                    {"met", report.goal_met()},
                    {"loss", *report.relative_loss()},
                    {"interval", {report.interval->low, report.interval->high}}};
  }
  json["calibrated_on"] = report.calibrated_on;
  json["tuned_on"] = report.tuned_on;
  json["scored_on"] = report.scored_on ? Json(*report.scored_on) : Json();
  return json;
}

std::string report_text(const RunReport& report, std::string_view format) {
  std::string text = result_table(report).text(format);
  if (format == "csv") return text;
  if (report.relative_loss()) text += fmt::format("\ngoal: {}\n", report.goal_sentence());
  if (report.packed) {
    text += fmt::format(
        "\nThere is no fp32 to compare with: a .bertq file holds the weights of one recipe alone.\n"
        "For both: bertq run on the checkpoint it was made from ({}), with the same recipe\n",
        loaders::printable(*report.packed));
  }
  if (report.sample) {
    text += fmt::format(
        "\nThis is a sample: a small model that comes with bertq and {} made-up examples, not the "
        "task's\nown. For a real score: bertq run --task TASK -m MODEL --data FILE\n",
        report.results.front().examples);
  }
  return text;
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw Error(ErrorKind::resources, folder.string() + ": " + failed.message());
}

void write_eval_results(const RunReport& report, const std::filesystem::path& folder) {
  write_eval_results(report, folder, false);
  const auto& metrics = report.results.front().metrics;
  const bool second = std::any_of(metrics.begin(), metrics.end(), [](const Score& score) {
    return score.name.ends_with(second_suffix);
  });
  if (second) write_eval_results(report, second_folder(folder), true);
}

}  // namespace bertq::engine::cli
