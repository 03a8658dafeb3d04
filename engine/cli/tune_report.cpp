#include "engine/cli/tune_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <vector>

#include "engine/cli/table.h"
#include "engine/tuning/methods.h"
#include "loaders/printable.h"

namespace bertq::engine::cli {
namespace {

constexpr std::size_t shown_sensitivities = 8, shown_changes = 4;
constexpr double percent = 100.0, mega = 1e6;

std::string pair_text(const Outcome& outcome) {
  return fmt::format("[{:.4f}, {:.4f}]", outcome.score, outcome.seconds);
}

Json number_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

Json methods_json(std::uint32_t methods) {
  Json names = Json::array();
  for (const MethodRow& row : all_methods) {
    if ((methods & row.bit) != 0) names.push_back(row.name);
  }
  return names;
}

// The modules that run in this precision though they could run in INT8.
std::vector<std::string> lifted(const TuningSpace& space, const Configuration& configuration,
                                Precision precision) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < space.modules.size(); ++i) {
    const TunableModule& module = space.modules[i];
    if (module.options[configuration.options[i]].precision == precision && has_int8(module)) {
      names.push_back(module.name);
    }
  }
  return names;
}

// Of each type of module, how many run in which precision: LPOT's mixed precision statistics.
using TypeCount = std::map<Precision, std::size_t>;
constexpr std::array precisions_by_speed = {Precision::int8, Precision::bf16, Precision::fp32};
constexpr std::array lifted_precisions = {Precision::bf16, Precision::fp32};

std::map<std::string, TypeCount> type_counts(const TuningSpace& space,
                                             const Configuration& configuration) {
  std::map<std::string, TypeCount> counts;
  for (std::size_t i = 0; i < space.modules.size(); ++i) {
    const TunableModule& module = space.modules[i];
    const Precision precision = module.options[configuration.options[i]].precision;
    ++counts[std::string(type_name(module.kind))][precision];
  }
  return counts;
}

Json trial_json(const TuningSpace& space, const Trial& trial) {
  Json json = {{"trial", trial.number},
               {"score", number_or_null(trial.outcome.score)},
               {"seconds", number_or_null(trial.outcome.seconds)},
               {"error", number_or_null(trial.outcome.error)},
               {"weights_bytes", number_or_null(trial.outcome.weights_bytes)},
               {"measure", number_or_null(trial.measure)},
               {"meets_goal", trial.meets_goal},
               {"methods", methods_json(trial.configuration.methods)},
               {"bf16_modules", lifted(space, trial.configuration, Precision::bf16)},
               {"fp32_modules", lifted(space, trial.configuration, Precision::fp32)}};
  if (trial.outcome.failed()) json["failure"] = trial.outcome.failure;
  return json;
}

std::vector<std::string> trial_cells(const TuneReport& report, const Trial& trial) {
  const auto number = [](double value, const char* format) {
    return std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : std::string("-");
  };
  return {std::to_string(trial.number) +
              (report.result.search.best &&
                       &trial == &report.result.search.trials[*report.result.search.best]
                   ? " best"
                   : ""),
          number(trial.outcome.score, "{:.4f}"),
          number(trial.outcome.seconds, "{:.3f}"),
          number(trial.outcome.error * percent, "{:.2f}"),
          number(trial.outcome.weights_bytes / mega, "{:.1f}"),
          trial.meets_goal ? "yes" : "no",
          configuration_text(report.result.space, trial.configuration)};
}

Table trial_table(const TuneReport& report) {
  const SearchResult& search = report.result.search;
  Table table({"trial", report.metric, "seconds", "error %", "weights MB", "goal", "recipe"});
  table.add({"fp32", fmt::format("{:.4f}", search.baseline.score),
             fmt::format("{:.3f}", search.baseline.seconds), "0.00",
             fmt::format("{:.1f}", search.baseline.weights_bytes / mega), "-", "fp32"});
  std::vector<std::size_t> shown = pareto_front(search, report.goal);
  const bool listed =
      search.best && std::find(shown.begin(), shown.end(), *search.best) != shown.end();
  if (search.best && !listed) shown.insert(shown.begin(), *search.best);
  for (const std::size_t i : shown) table.add(trial_cells(report, search.trials[i]));
  return table;
}

std::string sensitivity_text(const TuneReport& report) {
  const auto& sensitivities = report.result.search.sensitivities;
  if (sensitivities.empty()) return "";
  Table table({"most sensitive", "share of error %", "error % without it"});
  for (std::size_t i = 0; i < std::min(shown_sensitivities, sensitivities.size()); ++i) {
    const Sensitivity& sensitivity = sensitivities[i];
    table.add({report.result.space.modules[sensitivity.module].name,
               fmt::format("{:.1f}", sensitivity.share * percent),
               fmt::format("{:.2f}", sensitivity.error_without * percent)});
  }
  return fmt::format("\n{}", table.text("table"));
}

std::string statistics_text(const TuneReport& report, const Configuration& best) {
  Table table({"mixed precision", "INT8", "BF16", "FP32"});
  for (const auto& [type, count] : type_counts(report.result.space, best)) {
    std::vector<std::string> row{type};
    for (const Precision precision : precisions_by_speed) {
      row.push_back(std::to_string(count.contains(precision) ? count.at(precision) : 0));
    }
    table.add(row);
  }
  std::string text = fmt::format("\n{}", table.text("table"));
  for (const Precision precision : lifted_precisions) {
    const auto modules = lifted(report.result.space, best, precision);
    for (std::size_t i = 0; i < std::min(shown_changes, modules.size()); ++i) {
      text += fmt::format("in {}: {}\n", precision_name(precision), modules[i]);
    }
    if (modules.size() > shown_changes) {
      text += fmt::format("and {} more\n", modules.size() - shown_changes);
    }
  }
  return text;
}

const Trial* best_of(const TuneReport& report) {
  const SearchResult& search = report.result.search;
  return search.best ? &search.trials[*search.best] : nullptr;
}

}  // namespace

std::string configuration_text(const TuningSpace& space, const Configuration& configuration) {
  std::map<std::string, std::size_t> kinds;
  for (std::size_t i = 0; i < space.modules.size(); ++i) {
    const TunableModule& module = space.modules[i];
    if (module.kind == ModuleKind::attention || module.kind == ModuleKind::embedding) continue;
    ++kinds[option_text(module.options[configuration.options[i]])];
  }
  const auto most = std::max_element(
      kinds.begin(), kinds.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  std::string text = most == kinds.end() ? "" : most->first;
  for (const MethodRow& row : all_methods) {
    if ((configuration.methods & row.bit) != 0) text += fmt::format(" +{}", row.name);
  }
  for (const Precision precision : lifted_precisions) {
    const auto modules = lifted(space, configuration, precision);
    if (modules.empty()) continue;
    text += fmt::format(", {}: {}", precision_name(precision), modules.size());
  }
  return text;
}

std::string TuneReport::goal_sentence() const {
  const SearchResult& search = result.search;
  const Trial* const best = best_of(*this);
  const std::string allowed = goal.relative ? fmt::format("{:g} %", goal.tolerance * percent)
                                            : fmt::format("{:g}", goal.tolerance);
  if (best == nullptr) return fmt::format("{}: every trial failed: MISSED", metric);
  return fmt::format("{} {:.4f}, fp32 {:.4f}; at most {} may be lost: {}", metric,
                     best->outcome.score, search.baseline.score, allowed,
                     search.goal_met() ? "met" : "MISSED");
}

std::string baseline_line(const Outcome& baseline) {
  return fmt::format("FP32 baseline is: {}", pair_text(baseline));
}

std::string trial_line(const Trial& trial, const Trial& best) {
  return fmt::format("Tune {} result is: {} Best tune result is: {}", trial.number,
                     trial.outcome.failed() ? "None" : pair_text(trial.outcome),
                     best.meets_goal ? pair_text(best.outcome) : "None");
}

Json report_json(const TuneReport& report) {
  const TuneResult& result = report.result;
  const Trial* const best = best_of(report);
  Json json = json_head(report.isa, report.threads);
  json.update(Json{{"model", report.model},
                   {"strategy", report.strategy},
                   {"seed", report.seed},
                   {"recipe", report.recipe_file},
                   {"journal", journal_beside(report.recipe_file).string()},
                   {"goal",
                    {{"metric", report.metric},
                     {report.goal.relative ? "relative" : "absolute", report.goal.tolerance},
                     {"higher_is_better", report.goal.higher_is_better},
                     {"objective", objective_name(report.goal.objective)},
                     {"met", result.search.goal_met()}}},
                   {"baseline",
                    {{"score", result.search.baseline.score},
                     {"seconds", number_or_null(result.search.baseline.seconds)},
                     {"weights_bytes", number_or_null(result.search.baseline.weights_bytes)}}},
                   {"trials", Json::array()},
                   {"best", best == nullptr ? Json() : Json(best->number)},
                   {"front", Json::array()},
                   {"sensitivities", Json::array()},
                   {"probes", result.search.probes},
                   {"seconds", result.search.seconds}});
  for (const Trial& trial : result.search.trials) {
    json["trials"].push_back(trial_json(result.space, trial));
  }
  for (const std::size_t i : pareto_front(result.search, report.goal)) {
    json["front"].push_back(result.search.trials[i].number);
  }
  for (const Sensitivity& sensitivity : result.search.sensitivities) {
    json["sensitivities"].push_back({{"module", result.space.modules[sensitivity.module].name},
                                     {"share", sensitivity.share},
                                     {"error_without", number_or_null(sensitivity.error_without)},
                                     {"seconds", sensitivity.seconds}});
  }
  if (best != nullptr) {
    for (const auto& [type, count] : type_counts(result.space, best->configuration)) {
      for (const Precision precision : precisions_by_speed) {
        json["mixed_precision"][type][std::string(precision_name(precision))] =
            count.contains(precision) ? count.at(precision) : 0;
      }
    }
  }
  json["calibrated_on"] = report.calibrated_on;
  json["tuned_on"] = report.tuned_on;
  json["scored_on"] = report.tuned_on;
  return json;
}

std::string report_text(const TuneReport& report) {
  const SearchResult& search = report.result.search;
  const Trial* const best = best_of(report);
  std::string text = search.goal_met()
                         ? "Found a quantized model which meets the accuracy goal.\n"
                         : "Not found any quantized model which meets the accuracy goal.\n";
  text += fmt::format("\n{}", trial_table(report).text("table"));
  text += sensitivity_text(report);
  if (best != nullptr) text += statistics_text(report, best->configuration);
  text += fmt::format("\ngoal: {}\n", report.goal_sentence());
  text +=
      fmt::format("{} trials and {} probes in {:.1f} s; calibrated on {}; tuned on {}\n",
                  search.trials.size(), search.probes, search.seconds,
                  loaders::printable(report.calibrated_on), loaders::printable(report.tuned_on));
  if (best != nullptr) {
    text +=
        fmt::format("recipe: {} (bertq run --recipe {})\n", report.recipe_file, report.recipe_file);
  }
  if (report.sample) {
    text += "\nThis is a sample: a small model that comes with bertq and made-up examples.\n";
  }
  return text;
}

TuneNarrator::TuneNarrator(Output* lines, const Console& console, std::string metric,
                           std::optional<double> timeout, std::size_t most_trials)
    : lines_(lines),
      console_(console),
      metric_(std::move(metric)),
      timeout_(timeout),
      most_trials_(most_trials) {
  draw();
}

TuneNarrator::~TuneNarrator() {
  erase();
}

void TuneNarrator::on_baseline(const Outcome& baseline, bool /*restored*/) {
  say(baseline_line(baseline));
}

void TuneNarrator::on_probe(const Outcome& /*outcome*/) {
  ++probes_;
  draw();
}

void TuneNarrator::on_trial(const Trial& trial, const Trial& best) {
  trials_ = trial.number;
  if (!trial.restored) ++measured_;
  best_ = fmt::format("{} {:.4f} (trial {})", metric_, best.outcome.score, best.number);
  say(trial_line(trial, best) +
      (trial.outcome.failed()
           ? fmt::format(" (failed: {})", loaders::printable(trial.outcome.failure))
           : ""));
}

void TuneNarrator::say(const std::string& line) {
  erase();
  if (lines_ != nullptr) {
    lines_->write(line + "\n");
    lines_->flush();
  } else {
    console_.note("tune", line);
  }
  draw();
}

// Until the timeout, or at most until the last trial that is allowed.
std::string TuneNarrator::time_left() const {
  const double passed =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  if (timeout_ && *timeout_ > 0.0)
    return fmt::format("{:.0f} s left", std::max(0.0, *timeout_ - passed));
  if (measured_ == 0) return "";
  const double each = passed / static_cast<double>(measured_);
  const auto left = static_cast<double>(most_trials_ - std::min(trials_, most_trials_));
  return fmt::format("at most {:.0f} s left", each * left);
}

void TuneNarrator::draw() {
  if (!console_.shows_progress()) return;
  write_to_stderr(fmt::format("\r\x1b[Ktune     trial {}, {} probes; best {}; {}", trials_, probes_,
                              best_, time_left()));
  visible_ = true;
}

void TuneNarrator::erase() {
  if (visible_) write_to_stderr("\r\x1b[K");
  visible_ = false;
}

}  // namespace bertq::engine::cli
