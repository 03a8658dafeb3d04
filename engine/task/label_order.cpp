#include "engine/task/label_order.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "bertq/error.h"
#include "engine/model/label_names.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) {
    if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lowered;
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

std::string expected_head(const Task& task) {
  if (task.values) return "a head of one value (regression)";
  return "a classifier of " + std::to_string(task.classes.size()) + " classes";
}

bool are_indices(const std::vector<std::string>& labels) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] != std::to_string(i)) return false;
  }
  return true;
}

}  // namespace

std::vector<std::size_t> match_labels(const Task& task, const ModelConfig& config,
                                      std::size_t logits, std::string_view name) {
  const auto refuse = [&](const std::string& got) {
    throw Error(ErrorKind::input, std::string(name) + ": task " + std::string(task.name) +
                                      ": expected " + expected_head(task) + ", got " + got);
  };
  if (logits == 0) refuse("a checkpoint without a classification head");
  if (task.values) {
    if (logits != 1) refuse("a classifier of " + std::to_string(logits) + " classes");
    return {0};
  }
  if (config.regression) refuse("a regression head");
  if (logits != task.classes.size()) refuse(std::to_string(logits) + " logits");
  std::vector<std::size_t> order(task.classes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (are_generic(config.labels) || are_indices(config.labels)) return order;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto found =
        std::find_if(config.labels.begin(), config.labels.end(),
                     [&](const std::string& label) { return names(task.classes[i], label); });
    if (found == config.labels.end()) refuse("the labels " + joined(config.labels));
    order[i] = static_cast<std::size_t>(found - config.labels.begin());
  }
  return order;
}

}  // namespace bertq::engine
