// Labelled texts from the files of the GLUE tasks, as they were published there or, of MRPC, where
// the corpus came from.
#pragma once

#include <filesystem>
#include <vector>

#include "engine/task/table_reader.h"
#include "engine/task/task.h"
#include "loaders/byte_source.h"

namespace bertq::engine {

// `path` is a file, or a folder with the task's files: a set for each of Task::files (MNLI has
// two), of a single file one. Throws Error (input) or loaders::FormatError:
// "dev.tsv: line 17: expected 5 columns, got 4".
std::vector<ExampleSet> read_glue(const Task& task, const std::filesystem::path& path,
                                  Split split = Split::dev);
ExampleSet read_glue(const Task& task, const loaders::ByteSource& source);

// The task's file in a folder: the first that is there. Throws Error (input) naming all.
std::filesystem::path find_task_file(const SplitFiles& files, const std::filesystem::path& folder,
                                     Split split);

}  // namespace bertq::engine
