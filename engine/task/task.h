// The tasks that bertq can score: one row each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/task/metrics.h"
#include "engine/task/model_outputs.h"

namespace bertq::engine {

// A file of tab-separated columns. Those in use are found by their names in the header line, so
// that one form serves all files of a task: a test set is the one without the label's column.
struct ColumnNames {
  std::string_view text, pair, label;  // pair: empty where examples are single texts
};
// One that comes without a header line as well, recognised by how many columns it has.
struct Headerless {
  std::size_t columns;  // 0: any number, the same in each row
  std::size_t text;     // from 0
  std::optional<std::size_t> pair, label;
};

// The labelled development set, or the test set without labels.
enum class Split : std::uint8_t { dev, test };

// What the files of one split may be called: the first that a folder has is read.
struct SplitFiles {
  std::span<const std::string_view> dev, test;
  std::string_view suffix;  // of its metrics: "_mm" of MNLI's mismatched set
};

// A class of the task. Its index is its place in the row of the table.
struct ClassLabel {
  std::string_view in_file;                  // as the task's files have it
  std::span<const std::string_view> others;  // as checkpoints name it, besides `in_file`
};

struct ValueRange {
  double lowest, highest;
};

// Of a task whose head is a span, all between the head and the goal is empty: SQuAD's files are no
// tables (engine/squad/). So it is of `custom`, whose columns, labels and metric the user names
// (custom_task.h).
struct Task {
  std::string_view name;
  std::span<const std::string_view> spellings;  // besides the name, however they are hyphenated
  TaskHead head;
  std::span<const SplitFiles> files;  // several: sets that are scored side by side
  ColumnNames columns;
  std::optional<Headerless> headerless;
  bool skips_short_rows;  // published with rows that a line break cut in two
  std::span<const ClassLabel> classes;
  std::optional<ValueRange> values;  // of the label, where it is a number and not a class
  std::span<const Metric> metrics;
  Metric goal;             // of the accuracy goal
  std::size_t max_tokens;  // longest input unless the caller says otherwise; 0: the model's own
};

inline constexpr std::string_view custom_task = "custom";

std::span<const Task> all_tasks();
// By its name in any spelling in use: "SST-2", "sst2", "MRPC". nullptr: there is none.
const Task* find_task(std::string_view name);

}  // namespace bertq::engine
