#include "engine/cli/task_data.h"

#include <fmt/format.h>

#include <span>
#include <string_view>
#include <vector>

#include "bertq/error.h"
#include "bertq/model_files.h"
#include "engine/cli/suggestion.h"
#include "loaders/byte_source.h"

namespace bertq::cli {

const Task& named_task(const std::string& typed) {
  std::string name = typed;  // the field writes MRPC as well
  for (char& c : name) {
    if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (const Task* task = find_task(name)) return *task;
  std::vector<std::string> known;
  std::string list;
  for (const Task& task : all_tasks()) {
    known.emplace_back(task.name);
    list += fmt::format("{}{}", list.empty() ? "" : "|", task.name);
  }
  throw Error(ErrorKind::usage, fmt::format("--task: expected one of {}, got '{}'{}", list, typed,
                                            suggestion(name, known)));
}

ExampleSet read_task_data(const Task& task, const Arguments& arguments) {
  if (arguments.given("data")) return read_glue(task, arguments.text("data"));
  const std::string_view pairs = embedded_mrpc();
  return read_glue(task, *loaders::open_memory(std::as_bytes(std::span(pairs)), "embedded sample"));
}

}  // namespace bertq::cli
