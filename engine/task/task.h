// The tasks that bertq can score: one row each.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bertq/config.h"
#include "engine/task/metrics.h"

namespace bertq {

// One form that a task's files come in, told by the first field of the header line.
struct FileForm {
  std::string_view first_header;  // "Quality"
  std::size_t columns;
  std::size_t text, pair;            // which columns (from 0) hold the two texts
  std::optional<std::size_t> label;  // absent: the form of unlabelled test sets
};

// A class of the task. Its index is its place in the row of the table.
struct ClassLabel {
  std::string_view in_file;                  // as the task's files have it
  std::span<const std::string_view> others;  // as checkpoints name it, besides `in_file`
};

struct Task {
  std::string_view name;
  std::span<const FileForm> forms;
  std::span<const std::string_view> files;  // what a folder is searched for, in this order
  std::span<const ClassLabel> classes;
  std::span<const Metric> metrics;
  Metric goal;             // of the accuracy goal
  std::size_t max_tokens;  // longest input unless the caller says otherwise
};

std::span<const Task> all_tasks();
const Task* find_task(std::string_view name);  // nullptr: there is none

// For each class of the task, which logit of a checkpoint is its: by the config's labels where
// they have names, in order where they have none ("LABEL_0" is none). Throws Error (input) if the
// checkpoint does not fit the task; `name` stands for it in the message.
std::vector<std::size_t> match_labels(const Task& task, const ModelConfig& config,
                                      std::size_t logits, std::string_view name);

}  // namespace bertq
