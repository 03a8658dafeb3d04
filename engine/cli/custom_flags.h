// The flags of --task custom: columns and metric.
#pragma once

#include "engine/cli/arguments.h"
#include "engine/task/evaluation_set.h"
#include "engine/task/task.h"

namespace bertq::engine::cli {

// Throws Error (usage) if they contradict each other, or are given for another task.
CustomOptions custom_options(const Arguments& arguments, const Task& task);

}  // namespace bertq::engine::cli
