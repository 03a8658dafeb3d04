// bertq run: scores a task in FP32 and in INT8 (or with a recipe), and compares.

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "bertq/error.h"
#include "engine/cli/memory.h"
#include "engine/cli/progress.h"
#include "engine/cli/run_report.h"
#include "engine/cli/setup.h"
#include "engine/cli/task_data.h"
#include "engine/cli/verbs.h"
#include "engine/model/packed_facts.h"
#include "engine/task/evaluate.h"
#include "loaders/byte_source.h"

namespace bertq::cli {
namespace {

// Enough for a 99th percentile; more would only take longer.
constexpr std::size_t single_inputs = 500;

// A precision to be scored, and under which name.
struct Candidate {
  std::string name;
  Recipe recipe;
  ArithmeticChoice arithmetic = {};
};

// A .bertq file has the weights of one recipe alone: no FP32 to compare with.
std::vector<Candidate> candidates(const Arguments& arguments, const ModelFiles& files) {
  const std::string name = precision_label(arguments, files);
  const ArithmeticChoice arithmetic = chosen_arithmetic(arguments);
  if (files.packed) return {{name, chosen_recipe(arguments, files), arithmetic}};
  std::vector<Candidate> list = {{"fp32", Recipe::uniform(Precision::fp32)}};
  if (name != "fp32") list.push_back({name, chosen_recipe(arguments), arithmetic});
  return list;
}

// What all candidates share.
struct Evaluation {
  const Arguments& arguments;
  const ModelFiles& files;
  const EvaluationSet& set;
  jit::Isa isa;
  std::size_t threads;
};

PrecisionResult evaluate(const Candidate& candidate, const Evaluation& shared,
                         const Console& console) {
  const PeakMemory memory;
  const auto model = load_model(shared.arguments, shared.files, candidate.recipe, shared.isa,
                                candidate.arithmetic);
  Session session(model, shared.threads);
  const std::size_t batch = apply_batching(shared.arguments, session);
  const auto inputs = shared.set.inputs();
  Progress progress(console, candidate.name,
                    inputs.size() + std::min(inputs.size(), single_inputs));
  const auto advance = [&](std::size_t done) { progress.advance(done); };

  const EvaluationRun run = run_inputs(session, shared.set, batch, advance);
  PrecisionResult result;
  result.precision = candidate.name;
  result.metrics = shared.set.score(run.outputs);
  result.examples = shared.set.examples();
  result.seconds = run.seconds;
  result.single_seconds =
      single_input_seconds(session, shared.set.head(), inputs, single_inputs, advance);
  result.weights_bytes = model->weights_bytes();
  result.peak_rss_bytes = memory.bytes();
  return result;
}

// What the recipe says about the data that it was made with.
void take_provenance(const Recipe& recipe, RunReport& report) {
  if (recipe.metadata().empty()) return;
  const Json metadata = Json::parse(recipe.metadata());
  report.calibrated_on = metadata.value("calibrated_on", Json());
  report.tuned_on = metadata.value("tuned_on", Json());
}

void check_arguments(const Arguments& arguments) {
  if (!arguments.given("task")) throw Error(ErrorKind::usage, "run: --task is missing");
  if (arguments.given("model") != arguments.given("data")) {
    throw Error(ErrorKind::usage,
                "run: -m and --data belong together; without both, the embedded sample is used");
  }
}

}  // namespace

void run(const Arguments& arguments, Output& output, const Console& console) {
  check_arguments(arguments);
  const Task& task = named_task(arguments.text("task"));
  RunReport report;
  report.isa = chosen_isa(arguments);
  report.threads = chosen_threads(arguments);
  report.sample = !arguments.given("model");
  const ModelFiles files = open_runnable_files(arguments, console);
  const auto set = open_task_set(arguments, task, files);
  if (!set->labelled()) {
    throw Error(ErrorKind::input, set->name() + ": expected labels to score against, got none");
  }
  report.goal.metric = set->goal();
  report.scored_on = set->name();
  const auto to_score = candidates(arguments, files);
  take_provenance(to_score.back().recipe, report);
  if (files.packed) report.packed = files.packed->source;
  if (files.packed && arguments.flag("require-goal")) {
    throw Error(ErrorKind::usage, files.name +
                                      ": --require-goal compares with fp32, which a .bertq file "
                                      "does not hold; score the checkpoint instead");
  }
  console.note("data", fmt::format("{}: {} examples{}{}", set->name(), set->examples(),
                                   set->remark().empty() ? "" : ", ", set->remark()));
  console.note("cpu", fmt::format("{}: {}, {} threads", jit::describe_cpu().name,
                                  jit::isa_name(report.isa), report.threads));
  const Evaluation shared{arguments, files, *set, report.isa, report.threads};
  for (const Candidate& candidate : to_score) {
    report.results.push_back(evaluate(candidate, shared, console));
  }

  const std::string& format = arguments.text("format");
  if (format == "json") {
    write_json(output, report_json(report));
  } else {
    output.write(report_text(report, format));
  }
  if (arguments.given("output-dir")) write_eval_results(report, arguments.text("output-dir"));
  output.finish();
  if (arguments.flag("require-goal") && report.relative_loss() && !report.goal_met()) {
    throw Error(ErrorKind::goal_missed, report.goal_sentence());
  }
}

}  // namespace bertq::cli
