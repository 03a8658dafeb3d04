#include "engine/task/evaluation_set.h"

#include <algorithm>
#include <utility>

#include "bertq/error.h"
#include "engine/squad/squad_set.h"
#include "engine/task/classifier_set.h"
#include "engine/task/custom_task.h"
#include "engine/task/glue_reader.h"
#include "engine/task/label_order.h"

namespace bertq::engine {
namespace {

namespace fs = std::filesystem;

const tokenizer::Tokenizer& tokenizer_of(const ModelFiles& files) {
  if (files.tokenizer) return *files.tokenizer;
  throw Error(ErrorKind::input, files.name + ": expected vocab.txt or tokenizer.json, got none");
}

std::size_t token_limit(const Task& task, const ModelFiles& files, const TaskOptions& options) {
  const std::size_t limit =
      options.max_tokens == 0 ? std::min(task.max_tokens, files.max_tokens) : options.max_tokens;
  if (limit <= files.config.positions) return limit;
  throw Error(ErrorKind::input, files.name + ": expected inputs of at most the " +
                                    std::to_string(files.config.positions) +
                                    " positions of the model, got " + std::to_string(limit));
}

ClassifierTask classifier_task(const Task& task, const ModelFiles& files) {
  ClassifierTask judged{{task.metrics.begin(), task.metrics.end()}, task.goal, {}, {}};
  for (const ClassLabel& label : task.classes) judged.classes.emplace_back(label.in_file);
  judged.logit_of = match_labels(task, files.config, files.labels, files.name);
  return judged;
}

std::unique_ptr<EvaluationSet> glue_set(const Task& task, std::vector<ExampleSet> sets,
                                        const ModelFiles& files, const TaskOptions& options) {
  std::vector<ClassifierPart> parts;
  for (ExampleSet& set : sets) {
    if (options.split == Split::test) set.labelled = false;
    parts.push_back({std::move(set), task.files[parts.size()].suffix});
  }
  return make_classifier_set(classifier_task(task, files), std::move(parts), tokenizer_of(files),
                             token_limit(task, files, options));
}

SquadVersion squad_version(const Task& task) {
  return task.name == "squad_v2" ? SquadVersion::v2_0 : SquadVersion::v1_1;
}

std::unique_ptr<EvaluationSet> squad_set(const Task& task, SquadExamples questions,
                                         const ModelFiles& files, const TaskOptions& options) {
  if (options.split == Split::test) questions.labelled = false;
  return make_squad_set(squad_version(task), std::move(questions), files,
                        token_limit(task, files, options), options.squad);
}

}  // namespace

fs::path second_folder(const fs::path& folder) {
  const fs::path full = fs::absolute(folder).lexically_normal();  // "." has a name, too
  return (full.has_filename() ? full : full.parent_path()).string() + "-MM";
}

std::unique_ptr<EvaluationSet> open_evaluation_set(const Task& task, const fs::path& path,
                                                   const ModelFiles& files,
                                                   const TaskOptions& options) {
  if (task.head == TaskHead::span) {
    return squad_set(task, read_squad(squad_version(task), path), files, options);
  }
  if (task.name == custom_task)
    return open_evaluation_set(task, *loaders::open_file(path), files, options);
  return glue_set(task, read_glue(task, path, options.split), files, options);
}

std::unique_ptr<EvaluationSet> open_evaluation_set(const Task& task,
                                                   const loaders::ByteSource& source,
                                                   const ModelFiles& files,
                                                   const TaskOptions& options) {
  if (task.head == TaskHead::span) {
    return squad_set(task, read_squad(squad_version(task), source), files, options);
  }
  if (task.name == custom_task) {
    tokenizer_of(files);
    return open_custom_set(source, files, token_limit(task, files, options), options.split,
                           options.custom);
  }
  std::vector<ExampleSet> sets;
  sets.push_back(read_glue(task, source));
  return glue_set(task, std::move(sets), files, options);
}

}  // namespace bertq::engine
