// bertq run: scores a task in FP32 and in INT8 (or with a recipe), and compares.

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <utility>
#include <vector>

#include "bertq/error.h"
#include "engine/cli/memory.h"
#include "engine/cli/progress.h"
#include "engine/cli/run_report.h"
#include "engine/cli/setup.h"
#include "engine/cli/task_data.h"
#include "engine/cli/verbs.h"
#include "engine/model/packed_facts.h"
#include "engine/task/comparison.h"
#include "engine/task/evaluate.h"

namespace bertq::engine::cli {
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
std::vector<Candidate> candidates_of(const Arguments& arguments, const ModelFiles& files) {
  const std::string name = precision_label(arguments, files);
  const ArithmeticChoice arithmetic = chosen_arithmetic(arguments);
  if (files.packed) return {{name, chosen_recipe(arguments, files), arithmetic}};
  std::vector<Candidate> list = {{"fp32", Recipe::uniform(Precision::fp32)}};
  if (name != "fp32") list.push_back({name, chosen_recipe(arguments, files), arithmetic});
  return list;
}

// What the flags ask for.
enum class Purpose : std::uint8_t {
  score,    // against labels
  predict,  // --split test
  time,     // --max-batches
};

Purpose purpose_of(const Arguments& arguments) {
  if (arguments.given("max-batches")) return Purpose::time;
  return arguments.text("split") == "test" ? Purpose::predict : Purpose::score;
}

// What all candidates share.
struct Evaluation {
  const Arguments& arguments;
  const ModelFiles& files;
  const EvaluationSet& set;
  Purpose purpose;
  jit::Isa isa;
  std::size_t threads;
};

// --batch belongs to --max-batches as well, whatever the model's arithmetic.
std::size_t timed_batch(const Arguments& arguments, Session& session) {
  if (session.model().pads_batches()) return apply_batching(arguments, session);
  if (arguments.given("pad-to")) {
    throw Error(ErrorKind::usage, "--pad-to belongs to --precision torch-dynamic");
  }
  return arguments.number("batch");
}

// So many batches, and nothing else.
void time_batches(const Evaluation& shared, Session& session, const Console& console,
                  PrecisionResult& result) {
  const auto inputs = shared.set.inputs();
  const std::size_t batch = timed_batch(shared.arguments, session);
  const std::size_t count = shared.arguments.number("max-batches");
  Progress progress(console, result.precision, std::min(inputs.size(), count * batch));
  const auto advance = [&](std::size_t done) {
    progress.advance(done);
    result.examples += done;
  };
  result.batch = batch;
  for (const double seconds :
       batch_seconds(session, shared.set.head(), inputs, batch, count, advance)) {
    result.seconds += seconds;
    result.latencies.push_back(seconds / static_cast<double>(batch));
  }
}

// All inputs, in large batches and then some of them one by one. Returns what the model said.
ModelOutputs run_all(const Evaluation& shared, Session& session, const Console& console,
                     PrecisionResult& result) {
  const std::size_t batch = apply_batching(shared.arguments, session);
  const auto inputs = shared.set.inputs();
  Progress progress(console, result.precision,
                    inputs.size() + std::min(inputs.size(), single_inputs));
  const auto advance = [&](std::size_t done) { progress.advance(done); };
  EvaluationRun run = run_inputs(session, shared.set, batch, advance);
  result.examples = shared.set.examples();
  result.seconds = run.seconds;
  if (shared.purpose == Purpose::score) result.metrics = shared.set.score(run.outputs);
  result.latencies =
      single_input_seconds(session, shared.set.head(), inputs, single_inputs, advance);
  return std::move(run.outputs);
}

ModelOutputs evaluate(const Candidate& candidate, const Evaluation& shared, const Console& console,
                      RunReport& report) {
  const PeakMemory memory;
  const auto model = load_model(shared.arguments, shared.files, candidate.recipe, shared.isa,
                                candidate.arithmetic);
  Session session(model, shared.threads);
  PrecisionResult result;
  result.precision = candidate.name;
  ModelOutputs outputs;
  if (shared.purpose == Purpose::time) {
    time_batches(shared, session, console, result);
  } else {
    outputs = run_all(shared, session, console, result);
  }
  result.weights_bytes = model->weights_bytes();
  result.peak_rss_bytes = memory.bytes();
  report.results.push_back(std::move(result));
  return outputs;
}

// The last result against the first.
void compare(const Evaluation& shared, const ModelOutputs& before, const ModelOutputs& after,
             RunReport& report) {
  report.agreement = agreement(shared.set, before, after);
  if (shared.purpose == Purpose::score) {
    report.interval = loss_interval(shared.set, before, after);
  }
}

// What the recipe says about the data that it was made with.
void take_provenance(const Recipe& recipe, RunReport& report) {
  if (recipe.metadata().empty()) return;
  const Json metadata = Json::parse(recipe.metadata());
  report.calibrated_on = metadata.value("calibrated_on", Json());
  report.tuned_on = metadata.value("tuned_on", Json());
}

void check_arguments(const Arguments& arguments) {
  const auto refuse = [](const char* why) { throw Error(ErrorKind::usage, why); };
  check_task_flags(arguments, "run");
  const Purpose purpose = purpose_of(arguments);
  if (purpose == Purpose::predict && !arguments.given("output-dir")) {
    refuse("run: --split test writes predictions and needs --output-dir DIR for them");
  }
  if (purpose != Purpose::score && arguments.flag("require-goal")) {
    refuse("run: --require-goal needs scores; it contradicts --split test and --max-batches");
  }
  if (purpose == Purpose::time && arguments.given("output-dir")) {
    refuse("run: --max-batches only measures; there is nothing to write to --output-dir");
  }
}

void check_labels(const EvaluationSet& set, Purpose purpose) {
  if (purpose != Purpose::score || set.labelled()) return;
  throw Error(ErrorKind::input,
              set.name() +
                  ": expected labels to score against, got none; --split test --output-dir DIR "
                  "writes predictions instead");
}

void check_goal(const Arguments& arguments, const ModelFiles& files) {
  if (!files.packed || !arguments.flag("require-goal")) return;
  throw Error(ErrorKind::usage, files.name +
                                    ": --require-goal compares with fp32, which a .bertq file "
                                    "does not hold; score the checkpoint instead");
}

void write_report(const Arguments& arguments, const RunReport& report, Output& output) {
  const std::string& format = arguments.text("format");
  if (format == "json") {
    write_json(output, report_json(report));
  } else {
    output.write(report_text(report, format));
  }
}

// eval_results.txt, where there are any, and the task's own files.
void write_folder(const std::filesystem::path& folder, const Evaluation& shared,
                  const ModelOutputs& outputs, const RunReport& report) {
  if (shared.purpose == Purpose::score) write_eval_results(report, folder);
  shared.set.write_files(outputs, folder);
}

}  // namespace

void run(const Arguments& arguments, Output& output, const Console& console) {
  check_arguments(arguments);
  const Task& task = named_task(arguments.text("task"));
  RunReport report;
  report.isa = chosen_isa(arguments);
  report.threads = chosen_threads(arguments);
  report.sample = !arguments.given("model");
  const ModelFiles files = open_runnable_files(arguments, console, embedded_model_for(task));
  const Split split = arguments.text("split") == "test" ? Split::test : Split::dev;
  const auto set = open_task_set(arguments, task, files, split);
  const Evaluation shared{arguments,  files,         *set, purpose_of(arguments),
                          report.isa, report.threads};
  check_labels(*set, shared.purpose);
  check_goal(arguments, files);
  report.goal.metric = set->goal();
  if (shared.purpose == Purpose::score) report.scored_on = set->name();
  const auto candidates = candidates_of(arguments, files);
  take_provenance(candidates.back().recipe, report);
  if (files.packed) report.packed = files.packed->source;
  console.note("data", fmt::format("{}: {} examples{}{}", set->name(), set->examples(),
                                   set->remark().empty() ? "" : ", ", set->remark()));
  console.note("cpu", fmt::format("{}: {}, {} threads", jit::describe_cpu().name,
                                  jit::isa_name(report.isa), report.threads));
  if (candidates.back().recipe.uses(Precision::bf16) && !jit::has_fast_bf16(report.isa)) {
    console.note("bf16", fmt::format("{} has none that is faster than FP32: numbers rounded to "
                                     "bf16 are multiplied in FP32",
                                     jit::isa_name(report.isa)));
  }
  if (arguments.given("output-dir")) make_folder(arguments.text("output-dir"));
  std::vector<ModelOutputs> outputs;
  for (const Candidate& candidate : candidates) {
    outputs.push_back(evaluate(candidate, shared, console, report));
  }
  if (outputs.size() > 1 && shared.purpose != Purpose::time) {
    compare(shared, outputs.front(), outputs.back(), report);
  }

  write_report(arguments, report, output);
  if (arguments.given("output-dir")) {
    write_folder(arguments.text("output-dir"), shared, outputs.back(), report);
  }
  output.finish();
  if (arguments.flag("require-goal") && report.relative_loss() && !report.goal_met()) {
    throw Error(ErrorKind::goal_missed, report.goal_sentence());
  }
}

}  // namespace bertq::engine::cli
