// The examples of one task, tokenized for one model, and all that turns the model's outputs into
// scores and answers: what `run` scores, `tune` optimises and `why` explains, whatever the task.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/model_files.h"
#include "engine/task/metrics.h"
#include "engine/task/model_outputs.h"
#include "engine/task/task.h"
#include "loaders/byte_source.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine {

// Immutable after it was opened; any number of threads may ask it at once.
class EvaluationSet {
 public:
  virtual ~EvaluationSet() = default;

  virtual const std::string& name() const = 0;  // the file or files, for people
  virtual std::size_t examples() const = 0;     // rows or questions, at least one
  // What the model runs. One input an example, or several windows of it (SQuAD), in its order.
  virtual std::span<const tokenizer::Encoding> inputs() const = 0;
  virtual TaskHead head() const = 0;
  virtual bool labelled() const = 0;
  virtual std::string remark() const { return {}; }  // for people: "2 short rows left out"

  // The task's metrics in its order, then "eval_loss" where it is defined. Of a labelled set.
  virtual std::vector<Score> score(const ModelOutputs& outputs) const = 0;
  // The metric that the accuracy goal is about, one of score()'s: "f1".
  virtual std::string_view goal() const = 0;
  // Of that metric: its value over a choice of examples, each counted as often as it is named. What
  // is costly is done once, here; the function keeps what it needs of the outputs, but not the set.
  using ScoreOfChoice = std::function<double(std::span<const std::size_t> examples)>;
  virtual ScoreOfChoice goal_score(const ModelOutputs& outputs) const = 0;

  // One an example: a label as the task's files have it, a number, or a text.
  virtual std::vector<std::string> answers(const ModelOutputs& outputs) const = 0;
  // Whether answers are numbers, of which no two need be equal.
  virtual bool regression() const { return false; }
  virtual std::string example_text(std::size_t example) const = 0;  // for people: what was asked
  // Which is wanted, as answers() would give it; empty in an unlabelled set.
  virtual std::string expected_answer(std::size_t example) const = 0;
  // What the field's scripts write beside eval_results.txt, which is `run`'s. `folder` exists.
  // Throws Error (resources).
  virtual void write_files(const ModelOutputs& outputs,
                           const std::filesystem::path& folder) const = 0;
};

struct SquadOptions {
  std::size_t doc_stride = 128, max_query = 64;  // tokens
  std::size_t n_best = 20;
  std::size_t max_answer = 30;  // tokens
  double null_threshold = 0.0;  // v2.0: answer nothing if it beats the best answer by more
};

// The user's own task: a file of tab-separated columns, or of JSON objects, one a line.
struct CustomOptions {
  // Names in the header line, or keys of the objects; without a header line numbers from 1.
  std::string text = "text", pair = "", label = "label";  // no pair: single texts
  bool label_is_required = false;  // else a file without it makes an unlabelled set
  bool header = true;
  std::string metric;  // "acc"; empty: acc of a classifier, spearmanr of a regression head
};

struct TaskOptions {
  std::size_t max_tokens = 0;  // of an input, special ones included; 0: the task's own
  Split split = Split::dev;
  SquadOptions squad = {};
  CustomOptions custom = {};
};

// Beside DIR, for the results of a second set that is scored with the first (MNLI's mismatched one,
// whose metrics end in second_suffix): "DIR-MM".
inline constexpr std::string_view second_suffix = "_mm";
std::filesystem::path second_folder(const std::filesystem::path& folder);

// Reads `path`, a file or a folder with the task's files, and prepares it for this model. Throws
// Error, loaders::FormatError or tokenizer::TokenizerError: for data that cannot be used, and for a
// model without the head or the labels that the task needs.
std::unique_ptr<EvaluationSet> open_evaluation_set(const Task& task,
                                                   const std::filesystem::path& path,
                                                   const ModelFiles& files,
                                                   const TaskOptions& options);
// The same from one source, such as the embedded sample.
std::unique_ptr<EvaluationSet> open_evaluation_set(const Task& task,
                                                   const loaders::ByteSource& source,
                                                   const ModelFiles& files,
                                                   const TaskOptions& options);

}  // namespace bertq::engine
