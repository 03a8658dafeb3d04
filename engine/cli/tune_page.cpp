#include "engine/cli/tune_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "engine/cli/html_page.h"
#include "engine/cli/svg_chart.h"

namespace bertq::engine::cli {
namespace {

constexpr double percent = 100.0, mega = 1e6;
constexpr std::size_t charted = 40;  // bars of a picture

// What the objective measures, in the unit that people read.
struct Unit {
  std::string title;
  double factor;
};
Unit unit_of(Objective objective) {
  switch (objective) {
    case Objective::time:
      return {"seconds of a pass", 1.0};
    case Objective::memory:
      return {"peak memory, MB", 1.0 / mega};
    case Objective::size:
      return {"weights, MB", 1.0 / mega};
  }
  return {"", 1.0};
}

// FP32 and every trial that has a score, by what the goal's objective measures.
std::string trials_picture(const TuneReport& report) {
  const SearchResult& search = report.result.search;
  const Unit unit = unit_of(report.goal.objective);
  Scatter scatter{.x_title = unit.title,
                  .y_title = report.metric,
                  .points = {},
                  .line = {},
                  .level = report.goal.target(search.baseline.score),
                  .level_title = "goal"};
  std::map<std::size_t, std::size_t> point_of;  // by trial
  const auto add = [&](double measure, const Outcome& outcome, Mark mark, std::string tip) {
    if (!std::isfinite(measure) || !std::isfinite(outcome.score)) return false;
    scatter.points.push_back({measure * unit.factor, outcome.score, mark, std::move(tip)});
    return true;
  };
  add(search.baseline.measure(report.goal.objective), search.baseline, Mark::plain,
      fmt::format("fp32: {:.4f}", search.baseline.score));
  for (std::size_t i = 0; i < search.trials.size(); ++i) {
    const Trial& trial = search.trials[i];
    const bool best = search.best == i;
    const double measure = trial.outcome.measure(report.goal.objective);
    if (add(measure, trial.outcome,
            best ? Mark::chosen : (trial.meets_goal ? Mark::good : Mark::plain),
            fmt::format("trial {}{}: {:.4f}, {:.4g} {}", trial.number, best ? " (chosen)" : "",
                        trial.outcome.score, measure * unit.factor, unit.title))) {
      point_of[i] = scatter.points.size() - 1;
    }
  }
  if (scatter.points.empty()) return "";
  for (const std::size_t i : pareto_front(search, report.goal)) {
    const auto point = point_of.find(i);
    if (point != point_of.end()) scatter.line.push_back(point->second);
  }
  // The front is that of the costs that the search went by; measured times may order it otherwise.
  std::ranges::sort(scatter.line, {}, [&](std::size_t i) { return scatter.points[i].x; });
  return "<h2>Every trial</h2>\n<p>" + html_text(report.metric) +
         " against cost; green meets the goal, the line joins what no other trial beats in both, "
         "the large mark is the recipe that was chosen.</p>\n" +
         scatter_chart(scatter);
}

std::string sensitivity_picture(const TuneReport& report) {
  const auto& sensitivities = report.result.search.sensitivities;
  if (sensitivities.empty()) return "";
  std::vector<Bar> bars;
  for (const Sensitivity& sensitivity : sensitivities) {
    if (bars.size() == charted) break;
    bars.push_back({report.result.space.modules[sensitivity.module].name,
                    sensitivity.share * percent,
                    fmt::format("{:.1f} %", sensitivity.share * percent)});
  }
  return "<h2>Sensitivity of each layer</h2>\n<p>The share of the outputs' squared error that goes "
         "if this layer alone is put back to FP32.</p>\n" +
         bar_chart(bars);
}

std::string recipe_table(const TuneReport& report) {
  const SearchResult& search = report.result.search;
  if (!search.best) return "";
  const Configuration& best = search.trials[*search.best].configuration;
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < report.result.space.modules.size(); ++i) {
    const TunableModule& module = report.result.space.modules[i];
    rows.push_back({module.name, option_text(module.options[best.options[i]])});
  }
  return fmt::format("<h2>The recipe</h2>\n<p>{}</p>\n", html_text(report.recipe_file)) +
         html_table({"layer", "runs in"}, rows, 2);
}

std::string trials_table(const TuneReport& report) {
  std::vector<std::vector<std::string>> rows;
  for (const Trial& trial : report.result.search.trials) {
    const auto number = [](double value, const char* format) {
      return std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : std::string("-");
    };
    rows.push_back(
        {std::to_string(trial.number), configuration_text(report.result.space, trial.configuration),
         number(trial.outcome.score, "{:.4f}"), number(trial.outcome.seconds, "{:.3f}"),
         number(trial.outcome.error * percent, "{:.2f}"),
         number(trial.outcome.weights_bytes / mega, "{:.1f}"),
         trial.outcome.failed() ? trial.outcome.failure : (trial.meets_goal ? "yes" : "no")});
  }
  return "<h2>All trials</h2>\n" + html_table({"trial", "recipe", report.metric, "seconds",
                                               "logit error %", "weights MB", "meets the goal"},
                                              rows, 2);
}

}  // namespace

std::string report_page(const TuneReport& report) {
  const SearchResult& search = report.result.search;
  std::string body = fmt::format("<p>{}.</p>\n", html_text(report.goal_sentence()));
  body += fmt::format(
      "<p class=\"faint\">Strategy {}, seed {}; {} trials and {} probes in {:.1f} s; {}, {} "
      "threads, {}; calibrated on {}; tuned and scored on {}.</p>\n",
      html_text(report.strategy), report.seed, search.trials.size(), search.probes, search.seconds,
      html_text(jit::describe_cpu().name), report.threads, jit::isa_name(report.isa),
      html_text(report.calibrated_on), html_text(report.tuned_on));
  body += trials_picture(report) + sensitivity_picture(report) + trials_table(report) +
          recipe_table(report);
  return html_page(fmt::format("Tuning {} for {}", report.model, report.metric), body);
}

}  // namespace bertq::engine::cli
