#include "engine/cli/bench_baseline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "bertq/error.h"
#include "jit/isa.h"
#include "loaders/byte_source.h"
#include "loaders/printable.h"

namespace bertq::engine::cli {
namespace {

constexpr std::uint64_t longest_report = 64 << 20;  // bytes
constexpr int deepest_nesting = 16;
constexpr double percent = 100.0;

// What two results have to share to be compared. A key that neither has is shared too.
constexpr const char* like_with_like[] = {
    "shape",        "scenario",         "setting",           "precision",    "activations",
    "isa",          "threads",          "instances",         "tokenization", "p99_bound_ms",
    "max_delay_ms", "max_batch_tokens", "max_waiting_tokens"};

struct Metric {
  const char* key;
  std::string_view name;
  bool higher_is_better;
  double floor;                        // of the noise
  std::string_view scenario, setting;  // compared only there; empty: where there are latencies
};
// The tail of a distribution is noisier than its middle. The rate that a search finds has the
// steps of the search, 1/64 of the Offline rate.
constexpr Metric metrics[] = {
    {"median_ms", "median", false, 0.03, "", ""},
    {"p99_ms", "p99", false, 0.10, "", ""},
    {"examples_per_second", "examples/s", true, 0.03, "Offline", ""},
    {"qps", "qps", true, 0.10, "Server", "highest"},
};
// Where a report does not tell how its runs differed.
constexpr double unknown_spread = 0.10;
constexpr double infinitely_worse = 1e9;  // nothing is answered any more; JSON has no infinity

[[noreturn]] void refuse(const std::string& place, std::string_view expected,
                         const std::string& got) {
  throw Error(ErrorKind::input, fmt::format("{}: expected {}, got {}", place, expected, got));
}

std::string shown(const Json& value) {
  return loaders::printable(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

const Json& member(const Json& object, const char* key) {
  static const Json none;
  const auto found = object.find(key);
  return found == object.end() ? none : *found;
}

Json parse(const std::string& text, const std::string& name) {
  const auto shallow = [&](int depth, Json::parse_event_t, const Json&) {
    if (depth > deepest_nesting) refuse(name, "a report of bertq bench", "deeper nesting");
    return true;
  };
  try {
    return Json::parse(text, shallow);
  } catch (const Json::parse_error& error) {
    refuse(fmt::format("{}: byte {}", name, error.byte), "JSON", "something else");
  } catch (const Json::exception&) {  // a number beyond double
    refuse(name, "JSON", "a number out of range");
  }
}

// Whether the metric says something about the result.
bool wanted(const Metric& metric, const Json& entry) {
  const Json &scenario = member(entry, "scenario"), &setting = member(entry, "setting");
  if (!metric.scenario.empty()) {
    return scenario == metric.scenario && (metric.setting.empty() || setting == metric.setting);
  }
  // Offline has no latencies, and those at the highest rate are always about at the bound.
  return scenario != "Offline" && setting != "highest";
}

void check_entry(const Json& entry, const std::string& place) {
  if (!entry.is_object()) refuse(place, "an object", shown(entry));
  if (!member(entry, "shape").is_string()) {
    refuse(place + ": shape", "a string", shown(member(entry, "shape")));
  }
  for (const Metric& metric : metrics) {
    if (!wanted(metric, entry)) continue;
    const Json& value = member(entry, metric.key);
    if (!value.is_number() || !(value.get<double>() >= 0.0)) {
      refuse(fmt::format("{}: {}", place, metric.key), "a number from 0", shown(value));
    }
  }
}

bool alike(const Json& a, const Json& b) {
  return std::all_of(std::begin(like_with_like), std::end(like_with_like),
                     [&](const char* key) { return member(a, key) == member(b, key); });
}

double spread_of(const Json& entry, const char* key) {
  const Json& spread = member(entry, "spread");
  if (!spread.is_object()) return unknown_spread;
  const Json& value = member(spread, key);
  if (!value.is_number()) return unknown_spread;
  return std::max(0.0, value.get<double>());
}

std::optional<Change> change_of(const Metric& metric, const Json& before, const Json& now) {
  if (!wanted(metric, now)) return std::nullopt;
  Change change;
  change.metric = metric.key;
  change.before = member(before, metric.key).get<double>();
  change.now = member(now, metric.key).get<double>();
  if (change.before <= 0.0) return std::nullopt;  // nothing was answered then
  // Of rates as of times: how much longer it takes.
  change.worse_by =
      (metric.higher_is_better ? change.before / change.now : change.now / change.before) - 1.0;
  if (change.now <= 0.0) change.worse_by = infinitely_worse;
  // A search has no runs of one rate that would differ.
  const bool search = metric.key == std::string_view("qps");
  const double spread = search ? 0.0 : spread_of(before, metric.key) + spread_of(now, metric.key);
  change.noise = std::max(metric.floor, spread);
  return change;
}

std::string_view name_of(const std::string& key) {
  for (const Metric& metric : metrics) {
    if (metric.key == key) return metric.name;
  }
  return key;
}

}  // namespace

std::size_t Comparison::regressions() const {
  return static_cast<std::size_t>(std::count_if(
      changes.begin(), changes.end(), [](const Change& change) { return change.regression(); }));
}

Json read_baseline(const std::filesystem::path& file) {
  const std::string name = loaders::printable(file.string());
  Json report = parse(loaders::read_text(*loaders::open_file(file), longest_report), name);
  if (!report.is_object())
    refuse(name, "an object, as bertq bench --format json writes it", report.type_name());
  const auto check = [&](const char* key, const Json& expected) {
    const Json& got = member(report, key);
    if (got != expected) refuse(fmt::format("{}: {}", name, key), shown(expected), shown(got));
  };
  check("schema_version", 1);
  check("cpu", jit::describe_cpu().name);  // times of another CPU say nothing about this one
  const Json& results = member(report, "results");
  if (!results.is_array()) refuse(name + ": results", "a list", results.type_name());
  for (std::size_t i = 0; i < results.size(); ++i) {
    check_entry(results[i], fmt::format("{}: results[{}]", name, i));
  }
  return report;
}

Comparison compare(const Json& before, const Json& now, const std::string& file) {
  Comparison comparison;
  comparison.file = file;
  const Json& old_results = before.at("results");
  const Json& new_results = now.at("results");
  for (std::size_t i = 0; i < new_results.size(); ++i) {
    const auto old = std::find_if(old_results.begin(), old_results.end(),
                                  [&](const Json& entry) { return alike(entry, new_results[i]); });
    if (old == old_results.end()) continue;
    ++comparison.compared;
    for (const Metric& metric : metrics) {
      if (auto change = change_of(metric, *old, new_results[i])) {
        change->result = i;
        comparison.changes.push_back(std::move(*change));
      }
    }
  }
  if (comparison.compared == 0) {
    refuse(loaders::printable(file) + ": results",
           "one of the same shape, scenario, precision, activations, isa and threads", "none");
  }
  return comparison;
}

std::string changes_text(const Comparison& comparison, std::size_t result) {
  std::string text;
  for (const Change& change : comparison.changes) {
    if (change.result != result) continue;
    text += fmt::format("{}{} {:+.1f} %{}", text.empty() ? "" : ", ", name_of(change.metric),
                        (change.now / change.before - 1.0) * percent,
                        change.regression() ? " REGRESSION" : "");
  }
  return text.empty() ? "-" : text;
}

}  // namespace bertq::engine::cli
