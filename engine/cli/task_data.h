// --task and --data: which task, and its examples.
#pragma once

#include <string>

#include "engine/cli/arguments.h"
#include "engine/task/glue_reader.h"
#include "engine/task/task.h"

namespace bertq::cli {

// In any case of letters. Throws Error (usage) with the nearest name.
const Task& named_task(const std::string& typed);

// --data, or the embedded sample's pairs without it.
ExampleSet read_task_data(const Task& task, const Arguments& arguments);

}  // namespace bertq::cli
