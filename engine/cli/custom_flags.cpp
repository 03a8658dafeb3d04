#include "engine/cli/custom_flags.h"

#include <fmt/format.h>

#include "bertq/error.h"

namespace bertq::engine::cli {
namespace {

constexpr const char* flags[] = {"text-column", "pair-column", "label-column", "no-header",
                                 "metric"};

void refuse_flags(const Arguments& arguments, const Task& task) {
  for (const char* flag : flags) {
    if (!arguments.given(flag)) continue;
    throw Error(ErrorKind::usage,
                fmt::format("--{} belongs to --task {}, not to {}", flag, custom_task, task.name));
  }
}

}  // namespace

CustomOptions custom_options(const Arguments& arguments, const Task& task) {
  CustomOptions options;
  if (task.name != custom_task) {
    refuse_flags(arguments, task);
    return options;
  }
  options.header = !arguments.flag("no-header");
  options.text = arguments.text("text-column");
  options.pair = arguments.text("pair-column");
  options.label = arguments.text("label-column");
  options.label_is_required = arguments.given("label-column");
  options.metric = arguments.text("metric");
  if (options.header) return options;
  if (!arguments.given("text-column")) {
    throw Error(ErrorKind::usage, "--no-header needs --text-column N, the number of a column");
  }
  if (!options.label_is_required) options.label.clear();  // whose default is a name
  return options;
}

}  // namespace bertq::engine::cli
