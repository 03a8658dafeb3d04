#include "engine/cli/task_data.h"

#include <fmt/format.h>

#include <span>
#include <string_view>

#include "bertq/error.h"
#include "engine/cli/custom_flags.h"
#include "engine/cli/setup.h"
#include "engine/cli/squad_flags.h"
#include "engine/cli/suggestion.h"
#include "engine/task/glue_reader.h"
#include "loaders/byte_source.h"

namespace bertq::engine::cli {
const Task& named_task(const std::string& typed) {
  if (const Task* task = find_task(typed)) return *task;
  std::vector<std::string> known;
  for (const Task& task : all_tasks()) known.emplace_back(task.name);
  throw Error(ErrorKind::usage,
              fmt::format("--task: expected one of {}, got '{}'{}", fmt::join(known, "|"), typed,
                          suggestion(typed, known)));
}

void check_task_flags(const Arguments& arguments, std::string_view verb) {
  if (!arguments.given("task")) {
    throw Error(ErrorKind::usage, fmt::format("{}: --task is missing", verb));
  }
  if (arguments.given("model") != arguments.given("data")) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: -m and --data belong together; without both, the embedded sample "
                            "is used",
                            verb));
  }
}

TaskOptions task_options(const Arguments& arguments, const Task& task, const ModelFiles& files) {
  TaskOptions options;
  options.max_tokens = token_limit(arguments, files, task.max_tokens);
  options.custom = custom_options(arguments, task);
  if (task.head == TaskHead::span) options.squad = squad_options(arguments, options.max_tokens);
  return options;
}

EmbeddedModel embedded_model_for(const Task& task) {
  return task.head == TaskHead::span ? EmbeddedModel::squad : EmbeddedModel::mrpc;
}

std::unique_ptr<EvaluationSet> open_task_set(const Arguments& arguments, const Task& task,
                                             const ModelFiles& files, Split split) {
  TaskOptions options = task_options(arguments, task, files);
  options.split = split;
  if (arguments.given("data")) {
    auto set = open_evaluation_set(task, arguments.text("data"), files, options);
    arguments.refuse_overwriting({set->name()});
    return set;
  }
  const bool squad = task.name == "squad";
  if (!squad && task.name != "mrpc") {
    throw Error(
        ErrorKind::usage,
        fmt::format("--task {} needs -m and --data: the embedded sample is one for mrpc and squad",
                    task.name));
  }
  const std::string_view data = squad ? embedded_squad() : embedded_mrpc();
  const auto source = loaders::open_memory(std::as_bytes(std::span(data)), "embedded sample");
  return open_evaluation_set(task, *source, files, options);
}

std::vector<ExampleSet> read_task_data(const Task& task, const Arguments& arguments) {
  if (task.columns.text.empty()) {
    throw Error(ErrorKind::usage,
                fmt::format("--task {}: expected one of the GLUE tasks here", task.name));
  }
  if (arguments.given("data")) return read_glue(task, arguments.text("data"));
  if (task.name != "mrpc" || arguments.given("model")) {
    throw Error(ErrorKind::usage,
                fmt::format("--task {} needs --data: only the embedded sample, which is of mrpc, "
                            "brings its own",
                            task.name));
  }
  const auto source =
      loaders::open_memory(std::as_bytes(std::span(embedded_mrpc())), "embedded sample");
  return {read_glue(task, *source)};
}

}  // namespace bertq::engine::cli
