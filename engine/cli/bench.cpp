// bertq bench: latency and throughput of the forward pass that `run` scores.

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "engine/cli/bench_baseline.h"
#include "engine/cli/bench_layers.h"
#include "engine/cli/bench_measure.h"
#include "engine/cli/bench_options.h"
#include "engine/cli/bench_page.h"
#include "engine/cli/bench_report.h"
#include "engine/cli/bench_subject.h"
#include "engine/cli/progress.h"
#include "engine/cli/verbs.h"
#include "engine/runtime/replace_file.h"

namespace bertq::engine::cli {
namespace {

// The model in each precision that --precision names.
std::vector<Subject> open_subjects(const Arguments& arguments, const Console& console,
                                   const BenchInput& input) {
  std::vector<Subject> subjects;
  const auto precisions = arguments.list("precision");
  if (precisions.size() > 1 && arguments.given("recipe")) {
    throw Error(ErrorKind::usage, "--recipe and --precision contradict each other");
  }
  for (const std::string& precision : precisions) {
    const bool list = precisions.size() > 1;
    subjects.push_back(
        open_subject(list ? arguments.with("precision", precision) : arguments, console, input));
  }
  return subjects;
}

void check_tokenization(const BenchOptions& options, const std::vector<RequestSet>& sets) {
  for (const RequestSet& set : sets) {
    if (options.tokenize && !set.has_text) {
      throw Error(
          ErrorKind::usage,
          fmt::format("--tokenize in: {} has no text, only tokens (--task, --texts)", set.name));
    }
  }
}

void note_sets(const Console& console, const std::vector<RequestSet>& sets) {
  for (const RequestSet& set : sets) {
    if (!set.has_text) continue;
    console.note("requests",
                 fmt::format("{}: {} texts of {} tokens, {} of them cut to {}", set.name,
                             set.requests.size(), set.tokens(), set.cut, set.max_tokens));
  }
}

BenchReport measure(const Arguments& arguments, const Console& console, BenchOptions options) {
  const BenchInput input = open_bench_input(arguments, console);
  const std::vector<Subject> subjects = open_subjects(arguments, console, input);
  const std::vector<RequestSet> sets = read_requests(arguments, input, subjects.front());
  check_tokenization(options, sets);
  note_sets(console, sets);
  BatcherOptions& batching = options.batching;
  if (batching.max_batch_tokens == 0) {
    batching.max_batch_tokens = good_batch_tokens(subjects.front().model->isa(), batching.threads);
  }
  BenchReport report;
  report.model = subjects.front().name;
  for (const Subject& subject : subjects) {
    report.models.push_back(
        {subject.precision, subject.activations, subject.model->weights_bytes()});
  }
  report.isa = subjects.front().model->isa();
  report.options = options;
  const std::size_t scenarios = options.scenarios.empty() ? 1 : options.scenarios.size();
  Progress progress(console, "bench", sets.size() * scenarios * subjects.size());
  const BenchPlan plan{subjects, sets, options, arguments, [&] { progress.advance(1); }};
  report.results = options.scenarios.empty() ? measure_shapes(plan) : measure_scenarios(plan);
  return report;
}

void check_regressions(const Comparison& comparison, const Json& results) {
  for (const Change& change : comparison.changes) {
    if (!change.regression()) continue;
    const Json& entry = results.at(change.result);
    const std::string more = comparison.regressions() == 1
                                 ? ""
                                 : fmt::format(" (and {} more)", comparison.regressions() - 1);
    throw Error(
        ErrorKind::regression,
        fmt::format("{}: {}{} {}: {}: expected about {:.4g}, within the noise of {:.1f} %, "
                    "got {:.4g}{}",
                    comparison.file,
                    entry.contains("scenario") ? entry["scenario"].get<std::string>() + " " : "",
                    entry["shape"].get<std::string>(), entry["precision"].get<std::string>(),
                    change.metric, change.before, change.noise * 100.0, change.now, more));
  }
}

}  // namespace

void bench(const Arguments& arguments, Output& output, const Console& console) {
  if (arguments.flag("layers")) return bench_layers(arguments, output, console);
  const BenchOptions options = bench_options(arguments);
  std::optional<Json> baseline;
  if (arguments.given("baseline")) baseline = read_baseline(arguments.text("baseline"));
  if (arguments.given("report")) require_writable(arguments.text("report"));
  BenchReport report = measure(arguments, console, options);
  Json json = bench_json(report);
  if (baseline) {
    report.comparison = compare(*baseline, json, arguments.text("baseline"));
    json["baseline"] = comparison_json(*report.comparison);
  }
  if (arguments.given("report")) replace_file(arguments.text("report"), bench_page(report));
  if (arguments.text("format") == "json") {
    write_json(output, json);
  } else {
    output.write(bench_text(report, arguments.text("format")));
  }
  output.finish();
  if (report.comparison) check_regressions(*report.comparison, json["results"]);
}

}  // namespace bertq::engine::cli
