#include "engine/task/custom_task.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bertq/error.h"
#include "engine/model/label_names.h"
#include "engine/task/classifier_set.h"
#include "engine/task/json_lines_reader.h"
#include "engine/task/table_reader.h"

namespace bertq::engine {
namespace {

[[noreturn]] void refuse_usage(const std::string& why) {
  throw Error(ErrorKind::usage, "--task custom: " + why);
}

bool is_regression(const ModelFiles& files) {
  return files.labels == 1;
}

// By the config's names where it has some, else by index.
std::vector<std::string> class_names(const ModelFiles& files) {
  if (!are_generic(files.config.labels)) return files.config.labels;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < files.labels; ++i) names.push_back(std::to_string(i));
  return names;
}

LabelForm label_form(const ModelFiles& files) {
  constexpr double unbounded = std::numeric_limits<double>::infinity();
  if (is_regression(files)) return {{}, ValueRange{-unbounded, unbounded}};
  LabelForm form;
  const std::vector<std::string> names = class_names(files);
  for (const std::string& name : names) form.classes.emplace_back(name, form.classes.size());
  const std::set<std::string> known(names.begin(), names.end());
  for (std::size_t i = 0; i < files.labels; ++i) {
    const std::string index = std::to_string(i);
    if (!known.contains(index)) form.classes.emplace_back(index, i);
  }
  return form;
}

Metric chosen_metric(const ModelFiles& files, const CustomOptions& options) {
  if (options.metric.empty()) return is_regression(files) ? Metric::spearman : Metric::accuracy;
  const auto metric = find_metric(options.metric);
  if (!metric) refuse_usage("--metric: expected a metric, got '" + options.metric + "'");
  const std::string head = is_regression(files)
                               ? "one logit, the value itself"
                               : "a classifier of " + std::to_string(files.labels) + " classes";
  const bool of_two = *metric == Metric::f1 || *metric == Metric::accuracy_and_f1;
  const char* needs = nullptr;
  if (is_of_values(*metric) && !is_regression(files)) needs = "a checkpoint with one logit";
  if (!is_of_values(*metric) && is_regression(files)) needs = "a classifier";
  if (of_two && !is_regression(files) && files.labels != 2) needs = "a classifier of 2 classes";
  if (needs != nullptr) {
    refuse_usage("--metric " + options.metric + " needs " + needs + "; " + files.name + " has " +
                 head);
  }
  return *metric;
}

ClassifierTask judged_by(Metric metric, const ModelFiles& files) {
  ClassifierTask task{{metric}, metric, {}, {}};
  if (is_regression(files)) {
    task.logit_of = {0};
    return task;
  }
  task.classes = class_names(files);
  for (std::size_t i = 0; i < files.labels; ++i) task.logit_of.push_back(i);
  return task;
}

// "3" is the third.
std::size_t column_number(const char* flag, const std::string& text) {
  std::size_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number == 0) {
    refuse_usage(std::string(flag) +
                 ": expected the number of a column, from 1, with --no-header, "
                 "got '" +
                 text + "'");
  }
  return number - 1;
}

Headerless numbered_columns(const CustomOptions& options) {
  Headerless form{0, column_number("--text-column", options.text), std::nullopt, std::nullopt};
  if (!options.pair.empty()) form.pair = column_number("--pair-column", options.pair);
  if (!options.label.empty()) form.label = column_number("--label-column", options.label);
  return form;
}

bool begins_with_object(const loaders::ByteSource& source) {
  std::string start(static_cast<std::size_t>(std::min<std::uint64_t>(source.size(), 64)), '\0');
  source.read(0, std::as_writable_bytes(std::span(start)));
  const std::size_t first = start.find_first_not_of("\xEF\xBB\xBF \t\r\n");
  return first != std::string::npos && start[first] == '{';
}

ExampleSet read_examples(const loaders::ByteSource& source, const CustomOptions& options,
                         LabelForm labels) {
  if (options.header && begins_with_object(source)) {
    return read_json_lines(
        {options.text, options.pair, options.label, std::move(labels), options.label_is_required},
        source);
  }
  TableForm form;
  if (options.header) {
    form.columns = {options.text, options.pair, options.label};
  } else {
    form.headerless = numbered_columns(options);
    form.columns.label = options.label;
  }
  form.label = std::move(labels);
  form.label_is_required = options.label_is_required;
  return read_table(form, source);
}

}  // namespace

std::unique_ptr<EvaluationSet> open_custom_set(const loaders::ByteSource& source,
                                               const ModelFiles& files, std::size_t max_tokens,
                                               Split split, const CustomOptions& options) {
  if (files.labels == 0) {
    throw Error(ErrorKind::input,
                files.name + ": task custom: expected a classification head, got none");
  }
  const Metric metric = chosen_metric(files, options);
  CustomOptions used = options;
  if (split == Split::test) {  // whose labels nobody looks at
    used.label.clear();
    used.label_is_required = false;
  }
  std::vector<ClassifierPart> parts;
  parts.push_back({read_examples(source, used, label_form(files)), ""});
  return make_classifier_set(judged_by(metric, files), std::move(parts), *files.tokenizer,
                             max_tokens);
}

}  // namespace bertq::engine
