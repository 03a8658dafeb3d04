// --task, --data and the flags beside them: which task, and its examples.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/arguments.h"
#include "engine/model/model_files.h"
#include "engine/task/evaluation_set.h"
#include "engine/task/table_reader.h"
#include "engine/task/task.h"

namespace bertq::engine::cli {

// In any spelling. Throws Error (usage) with the nearest name.
const Task& named_task(const std::string& typed);

// --task is there, and -m and --data are both there or neither. Throws Error (usage) beginning with
// the verb.
void check_task_flags(const Arguments& arguments, std::string_view verb);

// What --max-seq-length and the task's own flags say.
TaskOptions task_options(const Arguments& arguments, const Task& task, const ModelFiles& files);

// The model of the embedded sample that the task is for.
EmbeddedModel embedded_model_for(const Task& task);

// The examples of --task in --data, or of the embedded sample without it, prepared for this model.
// Throws Error (usage) for a task that the sample does not have.
std::unique_ptr<EvaluationSet> open_task_set(const Arguments& arguments, const Task& task,
                                             const ModelFiles& files, Split split = Split::dev);

// The rows of --data alone, without a model that they would have to fit; of the embedded sample
// where neither --data nor -m is given.
std::vector<ExampleSet> read_task_data(const Task& task, const Arguments& arguments);

}  // namespace bertq::engine::cli
