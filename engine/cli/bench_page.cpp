#include "engine/cli/bench_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/cli/html_page.h"
#include "engine/cli/statistics.h"
#include "engine/cli/svg_chart.h"

namespace bertq::engine::cli {
namespace {

constexpr double milli = 1e3, percent = 100.0;

bool is(const BenchResult& result, ScenarioKind kind) {
  return result.scenario && result.scenario->kind == kind;
}

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// "Server qps=40, mrpc": what the results of several precisions have in common.
std::string subject_of(const BenchResult& result) {
  if (!result.scenario) return result.shape;
  const std::string setting = setting_of(result);
  return fmt::format("{}{}{}, {}", scenario_name(result.scenario->kind), setting.empty() ? "" : " ",
                     setting, result.shape);
}

// Pictures of one kind, a heading with a sentence before them.
std::string section(const std::string& title, const std::string& sentence,
                    const std::string& pictures) {
  if (pictures.empty()) return "";
  return fmt::format("<h2>{}</h2>\n<p>{}</p>\n{}", html_text(title), html_text(sentence), pictures);
}

std::string throughput(const BenchReport& report) {
  std::vector<Bar> bars;
  for (const BenchResult& result : report.results) {
    if (is(result, ScenarioKind::server)) continue;  // answers as fast as it is asked
    const double rate = examples_per_second(result).value;
    bars.push_back({fmt::format("{}, {}", subject_of(result), result.precision), rate,
                    fmt::format("{:.4g} /s", rate)});
  }
  if (bars.empty()) return "";
  return section("Throughput", "Examples a second, of all runs together.", bar_chart(bars));
}

// Marks by which the precisions of a picture are told apart.
constexpr Mark marks[] = {Mark::plain, Mark::good, Mark::chosen};

// The distribution of latencies: each percentile, of every precision in one picture.
std::string distribution(const std::vector<const BenchResult*>& group) {
  Scatter scatter;
  scatter.x_title = "latency, ms";
  scatter.y_title = "% answered by then";
  std::vector<LegendEntry> legend;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const std::size_t mark = std::min(i, std::size(marks) - 1);
    const std::vector<double> all = all_latencies(*group[i]);
    if (all.empty()) continue;
    legend.push_back({marks[mark], group[i]->precision});
    for (int share = 1; share <= 99; ++share) {
      const double value = percentile(all, share) * milli;
      scatter.points.push_back(
          {value, static_cast<double>(share), marks[mark],
           fmt::format("{} p{}: {:.3f} ms", group[i]->precision, share, value)});
    }
  }
  if (scatter.points.empty()) return "";
  return fmt::format("<h3>{}</h3>\n{}{}", html_text(subject_of(*group[0])), chart_legend(legend),
                     scatter_chart(scatter));
}

std::string distributions(const BenchReport& report) {
  std::string pictures;
  std::vector<const BenchResult*> group;  // of neighbours: precisions come last
  for (const BenchResult& result : report.results) {
    if (!group.empty() && subject_of(*group[0]) != subject_of(result)) {
      pictures += distribution(group);
      group.clear();
    }
    if (!is(result, ScenarioKind::offline)) group.push_back(&result);
  }
  if (!group.empty()) pictures += distribution(group);
  return section(
      "Latency",
      "The percentiles from 1 to 99, of all runs together. Of a server, a latency counts "
      "from when the request was due.",
      pictures);
}

std::string rates(const BenchReport& report) {
  std::string pictures;
  for (const BenchResult& result : report.results) {
    if (result.trials.empty()) continue;
    Scatter scatter;
    scatter.x_title = "requests a second";
    scatter.y_title = "latency, ms";
    scatter.level = report.options.p99_bound * milli;
    scatter.level_title = "bound of p99";
    auto trials = result.trials;
    std::ranges::sort(trials, {}, &RateTrial::rate);
    const double enough = 4.0 * report.options.p99_bound;  // beyond, the rest would be a flat line
    for (const RateTrial& trial : trials) {
      if (trial.p99 <= 0.0 || trial.p99 > enough) continue;
      const auto add = [&](double seconds, Mark mark, const char* name) {
        scatter.points.push_back({trial.rate, seconds * milli, mark,
                                  fmt::format("{:.1f} /s: {} {:.2f} ms, {} refused", trial.rate,
                                              name, seconds * milli, trial.refused)});
      };
      add(trial.p50, Mark::plain, "p50");
      add(trial.p90, Mark::good, "p90");
      scatter.line.push_back(scatter.points.size());
      add(trial.p99, Mark::chosen, "p99");
    }
    if (scatter.points.empty()) continue;
    pictures += fmt::format(
        "<h3>{}, {}: {:.1f} /s</h3>\n<p>The Offline rate is {:.1f} /s.</p>\n{}{}",
        html_text(subject_of(result)), html_text(result.precision), result.rate,
        result.offline_rate,
        chart_legend({{Mark::plain, "p50"}, {Mark::good, "p90"}, {Mark::chosen, "p99"}}),
        scatter_chart(scatter));
  }
  return section("Latency against rate",
                 "Every rate that the search for the highest one has tried.", pictures);
}

std::string results_table(const BenchReport& report) {
  std::vector<std::vector<std::string>> rows;
  const auto ms = [](double seconds) { return fmt::format("{:.2f}", seconds * milli); };
  for (std::size_t i = 0; i < report.results.size(); ++i) {
    const BenchResult& result = report.results[i];
    const Figure rate = examples_per_second(result);
    const bool requests = !is(result, ScenarioKind::offline);  // else a latency is a whole pass's
    const auto late = [&](double percent_of_all) {
      return requests ? ms(latency(result, percent_of_all).value) : "-";
    };
    rows.push_back({subject_of(result), result.precision, activations_text(result),
                    fmt::format("{:.1f}", rate.value),
                    fmt::format("{:.0f}", tokens_per_second(result)),
                    rate.spread ? fmt::format("{:.1f}", *rate.spread * percent) : "-", late(50),
                    late(90), late(99), fmt::format("{}", sum_of(result, &BenchRun::refused)),
                    report.comparison ? changes_text(*report.comparison, i) : "-"});
  }
  return "<h2>All results</h2>\n" +
         html_table({"what", "precision", "activations", "examples/s", "tokens/s", "spread %",
                     "p50 ms", "p90 ms", "p99 ms", "refused", "against the baseline"},
                    rows, 3);
}

}  // namespace

std::string bench_page(const BenchReport& report) {
  const BatcherOptions& batching = report.options.batching;
  std::string body = fmt::format(
      "<p>{}, {}; {} of {}; {}; tokenization {} the time.</p>\n",
      html_text(jit::describe_cpu().name), jit::isa_name(report.isa),
      counted(batching.instances, "instance"), counted(batching.threads, "thread"),
      counted(report.options.repeat, "run"), report.options.tokenize ? "within" : "outside");
  body += throughput(report) + distributions(report) + rates(report) + results_table(report);
  return html_page(fmt::format("Speed of {}", report.model), body);
}

}  // namespace bertq::engine::cli
