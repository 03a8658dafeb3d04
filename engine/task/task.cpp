#include "engine/task/task.h"

#include <algorithm>

#include <numeric>
#include <string>

#include "bertq/error.h"
#include "loaders/printable.h"

namespace bertq {
namespace {

// MRPC: GLUE's train.tsv, dev.tsv and the original msr_paraphrase_*.txt have one form; GLUE's
// test.tsv has a running index in place of the label.
constexpr FileForm mrpc_forms[] = {
    {"Quality", 5, 3, 4, 0},
    {"index", 5, 3, 4, std::nullopt},
};
constexpr std::string_view mrpc_files[] = {"dev.tsv", "msr_paraphrase_test.txt"};
constexpr std::string_view different[] = {"not_equivalent", "not_paraphrase"};
constexpr std::string_view equivalent[] = {"equivalent", "paraphrase"};
constexpr ClassLabel mrpc_classes[] = {{"0", different}, {"1", equivalent}};
constexpr Metric mrpc_metrics[] = {Metric::accuracy, Metric::f1, Metric::accuracy_and_f1};

constexpr Task tasks[] = {
    {"mrpc", mrpc_forms, mrpc_files, mrpc_classes, mrpc_metrics, Metric::f1, 128},
};

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) {
    if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lowered;
}

// "LABEL_3" is what transformers writes where nobody gave a name.
bool nameless(const std::vector<std::string>& labels) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] != "LABEL_" + std::to_string(i)) return false;
  }
  return true;
}

bool names(const ClassLabel& label, std::string_view text) {
  const std::string lowered = lower_case(text);
  return lowered == label.in_file ||
         std::find(label.others.begin(), label.others.end(), lowered) != label.others.end();
}

std::string joined(const std::vector<std::string>& labels) {
  std::string text;
  for (const std::string& label : labels) text += (text.empty() ? "" : ", ") + label;
  return loaders::printable(text);
}

}  // namespace

std::span<const Task> all_tasks() {
  return tasks;
}

const Task* find_task(std::string_view name) {
  for (const Task& task : tasks) {
    if (task.name == name) return &task;
  }
  return nullptr;
}

std::vector<std::size_t> match_labels(const Task& task, const ModelConfig& config,
                                      std::size_t logits, std::string_view name) {
  const auto refuse = [&](const std::string& got) {
    throw Error(ErrorKind::input, std::string(name) + ": task " + std::string(task.name) +
                                      ": expected a classifier of " +
                                      std::to_string(task.classes.size()) + " classes, got " + got);
  };
  if (logits == 0) refuse("a checkpoint without a classification head");
  if (config.regression) refuse("a regression head");
  if (logits != task.classes.size()) refuse(std::to_string(logits) + " logits");
  std::vector<std::size_t> order(task.classes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (nameless(config.labels)) return order;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto found =
        std::find_if(config.labels.begin(), config.labels.end(),
                     [&](const std::string& label) { return names(task.classes[i], label); });
    if (found == config.labels.end()) refuse("the labels " + joined(config.labels));
    order[i] = static_cast<std::size_t>(found - config.labels.begin());
  }
  return order;
}

}  // namespace bertq
