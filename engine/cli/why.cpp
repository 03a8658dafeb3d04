// bertq why: which layer costs how much accuracy and time, and which answers it changes.

#include <fmt/format.h>

#include "bertq/error.h"
#include "engine/cli/console.h"
#include "engine/cli/progress.h"
#include "engine/cli/setup.h"
#include "engine/cli/task_data.h"
#include "engine/cli/verbs.h"
#include "engine/cli/why_report.h"
#include "engine/model/recipe_check.h"

namespace bertq::engine::cli {
namespace {

void check_subject(const ModelFiles& files, const EvaluationSet& set) {
  if (files.packed) {
    throw Error(ErrorKind::usage, files.name +
                                      ": holds the weights of one recipe alone, and why compares "
                                      "with FP32; give it the checkpoint and --recipe");
  }
  if (!set.labelled()) {
    throw Error(ErrorKind::input, set.name() + ": expected labels to score against, got none");
  }
}

Diagnosis diagnose_shown(const DiagnosisRequest& request, const Console& console) {
  std::optional<Progress> progress;
  DiagnosisRequest shown = request;
  shown.on_progress = [&](std::size_t, std::size_t total) {
    if (!progress) progress.emplace(console, "layers", total);
    progress->advance(1);
  };
  return diagnose(shown);
}

}  // namespace

void why(const Arguments& arguments, Output& output, const Console& console) {
  check_task_flags(arguments, "why");
  const Task& task = named_task(arguments.text("task"));
  const ModelFiles files = open_model_files(arguments, console, embedded_model_for(task));
  const auto set = open_task_set(arguments, task, files);
  check_subject(files, *set);
  const Recipe recipe = arguments.given("recipe") ? read_recipe(arguments.text("recipe"))
                                                  : Recipe::uniform(Precision::int8);
  if (arguments.given("recipe")) check_recipe(recipe, files.config, arguments.text("recipe"));
  require_made_for(recipe, files);
  if (same_choices(recipe, Recipe::uniform(Precision::fp32))) {
    throw Error(ErrorKind::usage,
                "why: the recipe is FP32 throughout: there is nothing to explain");
  }
  ModelConfig config = files.config;
  apply_activation(arguments, config);

  if (arguments.given("report")) require_writable(arguments.text("report"));
  WhyReport report;
  report.model = files.name;
  report.task = task.name;
  report.data = set->name();
  report.precision = arguments.given("recipe") ? "tuned" : "int8";
  report.isa = chosen_isa(arguments);
  report.threads = chosen_threads(arguments);
  report.shown_changes = arguments.number("changes");
  report.diagnosis = diagnose_shown({.checkpoint = files.checkpoint,
                                     .config = config,
                                     .recipe = recipe,
                                     .set = *set,
                                     .isa = report.isa,
                                     .threads = report.threads},
                                    console);
  if (arguments.given("report")) {
    Output page(arguments.text("report"));
    page.write(report_page(report));
    page.finish();
  }
  if (arguments.text("format") == "json") {
    write_json(output, report_json(report));
  } else {
    output.write(report_text(report, arguments.text("format")));
  }
}

}  // namespace bertq::engine::cli
