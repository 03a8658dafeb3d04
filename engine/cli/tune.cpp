// bertq tune: searches for the fastest recipe that keeps a task's score.

#include "engine/tuning/tune.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "bertq/error.h"
#include "engine/calibration/sample_batches.h"
#include "engine/cli/calibration_flags.h"
#include "engine/cli/eval_command.h"
#include "engine/cli/memory.h"
#include "engine/cli/setup.h"
#include "engine/cli/task_data.h"
#include "engine/cli/tune_page.h"
#include "engine/cli/tune_report.h"
#include "engine/cli/verbs.h"
#include "engine/tuning/fingerprint.h"
#include "engine/tuning/lpot_settings.h"
#include "engine/tuning/methods.h"
#include "engine/tuning/task_evaluator.h"
#include "loaders/byte_source.h"

namespace bertq::engine::cli {
namespace {

// Of the set that is tuned on, those among which the probed ones are chosen.
constexpr std::size_t probed_inputs = 256;

// What --lpot-config says, and the flags over it.
struct Settings {
  const Strategy* strategy = nullptr;
  engine::Goal goal;
  ExitPolicy exit;
  std::uint64_t seed = 1978;
  SpaceRequest space;
  std::uint32_t fixed_methods = 0;
  std::filesystem::path recipe_file;
  bool resume = false;
};

void check_arguments(const Arguments& arguments) {
  const auto refuse = [](const char* why) { throw Error(ErrorKind::usage, why); };
  check_task_flags(arguments, "tune");
  if (arguments.given("relative") && arguments.given("absolute")) {
    refuse("tune: --relative and --absolute contradict each other");
  }
}

double tolerance_of(const Arguments& arguments, const char* flag) {
  const auto value = parse_tolerance(arguments.text(flag));
  const bool relative = std::string_view(flag) == "relative";
  if (!value || (relative && std::fabs(*value) >= 1.0)) {
    throw Error(ErrorKind::usage, fmt::format("--{}: expected {}, or a percentage, got '{}'", flag,
                                              relative ? "a number between -1 and 1" : "a number",
                                              arguments.text(flag)));
  }
  return *value;
}

void take_lpot_config(const Arguments& arguments, const Console& console, Settings& settings) {
  const std::string& file = arguments.text("lpot-config");
  LpotSettings lpot =
      parse_lpot_settings(loaders::read_text(*loaders::open_file(file), lpot_file_limit), file);
  for (const std::string& note : lpot.notes) console.note("lpot", note);
  settings.strategy = lpot.strategy;
  settings.goal = lpot.goal;
  settings.exit = lpot.exit;
  settings.seed = lpot.seed;
  settings.space = std::move(lpot.space);
  settings.resume = lpot.resume;
  if (lpot.bias_correction) settings.fixed_methods |= method_bias_correction;
  if (lpot.workspace) {
    settings.recipe_file = std::filesystem::path(*lpot.workspace) / "recipe.json";
  }
}

void take_flags(const Arguments& arguments, Settings& settings) {
  if (arguments.given("strategy")) settings.strategy = find_strategy(arguments.text("strategy"));
  for (const char* flag : {"relative", "absolute"}) {
    if (!arguments.given(flag)) continue;
    settings.goal.tolerance = tolerance_of(arguments, flag);
    settings.goal.relative = std::string_view(flag) == "relative";
  }
  if (arguments.flag("lower-is-better")) settings.goal.higher_is_better = false;
  if (arguments.given("objective")) {
    settings.goal.objective = *find_objective(arguments.text("objective"));
  }
  if (arguments.given("timeout")) {
    settings.exit.timeout_seconds = static_cast<double>(arguments.number("timeout"));
  }
  if (arguments.given("max-trials")) settings.exit.max_trials = arguments.number("max-trials");
  if (arguments.given("seed")) settings.seed = arguments.number("seed");
  if (arguments.given("calibration-samples")) {
    settings.space.sampling_sizes = {arguments.number("calibration-samples")};
  }
  if (arguments.given("recipe")) settings.recipe_file = arguments.text("recipe");
  settings.resume = settings.resume || arguments.flag("resume");
  if (settings.recipe_file.empty()) {
    throw Error(ErrorKind::usage, "tune: --recipe FILE is missing: where the best recipe goes");
  }
  // Hours of trials are kept beside it: not below /dev.
  std::error_code none;
  const auto kind = std::filesystem::status(settings.recipe_file, none).type();
  if (kind != std::filesystem::file_type::not_found &&
      kind != std::filesystem::file_type::regular) {
    throw Error(ErrorKind::resources,
                settings.recipe_file.string() +
                    ": expected a file or nothing yet, for the recipe, got something else");
  }
}

Settings settings_of(const Arguments& arguments, const Console& console) {
  Settings settings;
  settings.space.sampling_sizes = {default_calibration_samples};
  settings.strategy = find_strategy("sensitivity");
  if (arguments.given("lpot-config")) {
    take_lpot_config(arguments, console, settings);
  } else if (!arguments.given("strategy") || arguments.text("strategy") == "sensitivity") {
    settings.exit.timeout_seconds = std::nullopt;  // it ends by itself
  }
  take_flags(arguments, settings);
  return settings;
}

// The folder of the recipe is made, as LPOT makes its workspace.
void make_folder_of(const std::filesystem::path& file) {
  if (file.parent_path().empty()) return;
  std::error_code failed;
  std::filesystem::create_directories(file.parent_path(), failed);
  if (failed) {
    throw Error(ErrorKind::resources, file.parent_path().string() + ": " + failed.message());
  }
}

// The inputs to learn from, and what they are called.
struct Samples {
  std::vector<tokenizer::Encoding> inputs, others;  // to calibrate with, to probe
  std::string name;
};

Samples samples_of(const Arguments& arguments, const Task& task, const ModelFiles& files,
                   const EvaluationSet& set, std::size_t most, const Console& console) {
  Samples samples;
  samples.others = spread_inputs(set.inputs(), probed_inputs);
  if (arguments.given("calibration-data")) {
    const auto own = open_calibration_set(arguments, task, files);
    samples.inputs = spread_inputs(own->inputs(), most);
    samples.name = own->name();
  } else {
    samples.inputs = spread_inputs(set.inputs(), most);
    samples.name = set.name();
    console.note("data", fmt::format("calibrated on {} inputs of the set that is tuned on: scores "
                                     "on it flatter (--calibration-data FILE for others)",
                                     samples.inputs.size()));
  }
  return samples;
}

// A command scores; the recipe that it is given lies beside the one that is searched for.
Evaluate command_evaluation(const std::string& command, const std::filesystem::path& recipe_file) {
  const auto trial = recipe_file.string() + ".trial.json";
  return [command, trial](const Recipe& recipe, Session&) {
    write_recipe(recipe, trial);
    Evaluation evaluation;
    evaluation.score = run_eval_command(command, trial);
    return evaluation;
  };
}

// The last trial's recipe, and its rounded weights where it had some.
void remove_trial_files(const std::filesystem::path& recipe_file) {
  const std::string prefix = recipe_file.filename().string() + ".trial.";
  const auto folder = recipe_file.parent_path();
  std::error_code none;
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(folder.empty() ? "." : folder, none)) {
    if (entry.path().filename().string().starts_with(prefix)) files.push_back(entry.path());
  }
  for (const auto& file : files) std::filesystem::remove(file, none);
}

std::string metadata_of(const TuneReport& report) {
  return Json({{"version", BERTQ_VERSION},
               {"model", report.model},
               {"metric", report.metric},
               {"calibrated_on", report.calibrated_on},
               {"tuned_on", report.tuned_on},
               {"scored_on", report.tuned_on}})
      .dump();
}

std::function<double()> watch_memory() {
  const auto memory = std::make_shared<PeakMemory>();
  return [memory] {
    const auto bytes = memory->bytes();
    return bytes ? static_cast<double>(*bytes) : Outcome::unknown;
  };
}

void check_labels(const EvaluationSet& set, const Arguments& arguments) {
  if (set.labelled() || arguments.given("eval-command")) return;
  throw Error(ErrorKind::input, set.name() + ": expected labels to score against, got none");
}

}  // namespace

void tune(const Arguments& arguments, Output& output, const Console& console) {
  check_arguments(arguments);
  const Task& task = named_task(arguments.text("task"));
  Settings settings = settings_of(arguments, console);
  const ModelFiles files = open_model_files(arguments, console, embedded_model_for(task));
  const auto set = open_task_set(arguments, task, files);
  check_labels(*set, arguments);
  make_folder_of(settings.recipe_file);
  require_writable(settings.recipe_file);
  if (arguments.given("report")) require_writable(arguments.text("report"));
  const std::size_t most_samples =
      *std::max_element(settings.space.sampling_sizes.begin(), settings.space.sampling_sizes.end());
  const Samples samples = samples_of(arguments, task, files, *set, most_samples, console);

  ExperimentSetup setup{files.checkpoint, files.config};
  apply_activation(arguments, setup.config);
  setup.isa = chosen_isa(arguments);
  setup.threads = chosen_threads(arguments);
  setup.head = set->head();
  setup.samples = samples.inputs;
  setup.others = samples.others;
  setup.watch_memory = watch_memory;

  TuneReport report;
  report.strategy = settings.strategy->name;
  report.metric = arguments.given("eval-command") ? "score" : std::string(set->goal());
  report.model = files.name;
  report.seed = settings.seed;
  report.goal = settings.goal;
  report.isa = setup.isa;
  report.threads = setup.threads;
  report.tuned_on = set->name();
  report.calibrated_on = samples.name;
  report.recipe_file = settings.recipe_file.string();
  report.sample = !arguments.given("model");
  console.note("cpu", fmt::format("{}: {}, {} threads", jit::describe_cpu().name,
                                  jit::isa_name(setup.isa), setup.threads));

  const auto fp32 = [&] {
    return Session(
        Model::load(files.checkpoint, setup.config, Recipe::uniform(Precision::fp32), setup.isa),
        setup.threads);
  };
  TaskEvaluator evaluator(*set, fp32, [](std::size_t) {});
  TuneRequest request{files,
                      setup,
                      std::ref(evaluator),
                      settings.space,
                      settings.fixed_methods,
                      *settings.strategy};
  if (arguments.given("eval-command")) {
    request.evaluate = command_evaluation(arguments.text("eval-command"), settings.recipe_file);
  }
  request.goal = settings.goal;
  request.exit = settings.exit;
  request.seed = settings.seed;
  request.recipe_file = settings.recipe_file;
  request.resume = settings.resume;
  request.facts = {{"data", set_fingerprint(*set)},
                   {"evaluation", arguments.given("eval-command")
                                      ? arguments.text("eval-command")
                                      : fmt::format("{} {}", task.name, set->goal())},
                   {"version", BERTQ_VERSION}};
  request.metadata = metadata_of(report);

  const bool json = arguments.text("format") == "json";
  {
    TuneNarrator narrator(json ? nullptr : &output, console, report.metric,
                          settings.exit.timeout_seconds, settings.exit.max_trials);
    report.result = engine::tune(request, narrator, [&](const std::string& note) {
      write_to_stderr("bertq: note: " + note + "\n");
    });
  }
  if (arguments.given("report")) {
    Output page(arguments.text("report"));
    page.write(report_page(report));
    page.finish();
  }
  if (json) {
    write_json(output, report_json(report));
  } else {
    output.write(report_text(report));
  }
  output.finish();
  remove_trial_files(settings.recipe_file);
  if (!report.result.search.goal_met()) {
    throw Error(ErrorKind::goal_missed, report.goal_sentence());
  }
}

}  // namespace bertq::engine::cli
