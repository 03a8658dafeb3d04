#include "engine/task/task.h"

#include <algorithm>
#include <string>

namespace bertq::engine {
namespace {

using Names = std::string_view[];

constexpr Names dev_tsv = {"dev.tsv"}, test_tsv = {"test.tsv"};
constexpr SplitFiles one_set[] = {{dev_tsv, test_tsv, ""}};

// The Microsoft Research Paraphrase Corpus has two names for its files: GLUE's and its own.
constexpr Names mrpc_dev = {"dev.tsv", "msr_paraphrase_test.txt"};
constexpr SplitFiles mrpc_files[] = {{mrpc_dev, test_tsv, ""}};

constexpr Names matched_dev = {"dev_matched.tsv"}, matched_test = {"test_matched.tsv"};
constexpr Names mismatched_dev = {"dev_mismatched.tsv"}, mismatched_test = {"test_mismatched.tsv"};
constexpr SplitFiles mnli_files[] = {{matched_dev, matched_test, ""},
                                     {mismatched_dev, mismatched_test, "_mm"}};

constexpr Names unacceptable = {"unacceptable"}, acceptable = {"acceptable"};
constexpr ClassLabel cola_classes[] = {{"0", unacceptable}, {"1", acceptable}};
constexpr Names negative = {"negative", "neg"}, positive = {"positive", "pos"};
constexpr ClassLabel sst2_classes[] = {{"0", negative}, {"1", positive}};
constexpr Names different = {"not_equivalent", "not_paraphrase"};
constexpr Names equivalent = {"equivalent", "paraphrase"};
constexpr ClassLabel mrpc_classes[] = {{"0", different}, {"1", equivalent}};
constexpr Names not_duplicate = {"not_duplicate"}, duplicate = {"duplicate"};
constexpr ClassLabel qqp_classes[] = {{"0", not_duplicate}, {"1", duplicate}};
constexpr ClassLabel mnli_classes[] = {{"contradiction", {}}, {"entailment", {}}, {"neutral", {}}};
constexpr ClassLabel entailment_classes[] = {{"entailment", {}}, {"not_entailment", {}}};
constexpr Names not_entailment = {"not_entailment"}, entailment = {"entailment"};
constexpr ClassLabel wnli_classes[] = {{"0", not_entailment}, {"1", entailment}};

constexpr Metric accuracy[] = {Metric::accuracy};
constexpr Metric mcc[] = {Metric::mcc};
constexpr Metric accuracy_and_f1[] = {Metric::accuracy, Metric::f1, Metric::accuracy_and_f1};
constexpr Metric correlations[] = {Metric::pearson, Metric::spearman, Metric::correlation};

constexpr std::size_t glue_tokens = 128;
constexpr ColumnNames two_sentences = {"sentence1", "sentence2", "label"};

constexpr Task single_text(std::string_view name, std::span<const ClassLabel> classes,
                           std::span<const Metric> metrics) {
  return {name,
          {},
          TaskHead::classifier,
          one_set,
          {"sentence", "", "label"},
          std::nullopt,
          false,
          classes,
          std::nullopt,
          metrics,
          metrics[0],
          glue_tokens};
}

constexpr Task text_pair(std::string_view name, const ColumnNames& columns,
                         std::span<const ClassLabel> classes) {
  return {name,  {},      TaskHead::classifier, one_set,  columns,          std::nullopt,
          false, classes, std::nullopt,         accuracy, Metric::accuracy, glue_tokens};
}

// Goals are about the first metric that LPOT finds in its order: f1, mcc, spearmanr, acc.
constexpr Task cola() {
  Task task = single_text("cola", cola_classes, mcc);
  task.headerless = {4, 3, std::nullopt, 1};
  return task;
}

constexpr Task paraphrases(std::string_view name, const ColumnNames& columns,
                           std::span<const ClassLabel> classes) {
  Task task = text_pair(name, columns, classes);
  task.metrics = accuracy_and_f1;
  task.goal = Metric::f1;
  return task;
}

constexpr Task mrpc() {
  Task task = paraphrases("mrpc", {"#1 String", "#2 String", "Quality"}, mrpc_classes);
  task.files = mrpc_files;
  return task;
}

constexpr Task stsb() {
  Task task = text_pair("sts-b", {"sentence1", "sentence2", "score"}, {});
  task.values = {0.0, 5.0};
  task.metrics = correlations;
  task.goal = Metric::spearman;
  return task;
}

constexpr Task qqp() {
  Task task = paraphrases("qqp", {"question1", "question2", "is_duplicate"}, qqp_classes);
  task.skips_short_rows = true;
  return task;
}

constexpr Task mnli() {
  Task task = text_pair("mnli", {"sentence1", "sentence2", "gold_label"}, mnli_classes);
  task.files = mnli_files;
  return task;
}

constexpr Names squad_v1_names = {"squad1.1", "squad_v1", "squad_v1.1"};
constexpr Names squad_v2_names = {"squad2", "squad2.0", "squad_v2.0"};
constexpr std::size_t squad_tokens = 384;

// Its files are not tables: engine/squad/ knows them, and its metrics.
constexpr Task squad(std::string_view name, std::span<const std::string_view> spellings) {
  return {name,  spellings, TaskHead::span, {}, {},         std::nullopt,
          false, {},        std::nullopt,   {}, Metric::f1, squad_tokens};
}

constexpr Task custom() {
  Task task = text_pair(custom_task, {}, {});
  task.files = {};
  task.metrics = {};
  task.max_tokens = 0;
  return task;
}

constexpr Task tasks[] = {
    cola(),
    single_text("sst-2", sst2_classes, accuracy),
    mrpc(),
    stsb(),
    qqp(),
    mnli(),
    text_pair("qnli", {"question", "sentence", "label"}, entailment_classes),
    text_pair("rte", two_sentences, entailment_classes),
    text_pair("wnli", two_sentences, wnli_classes),
    squad("squad", squad_v1_names),
    squad("squad_v2", squad_v2_names),
    custom(),
};

// "SST-2" and "sst_2" are "sst2".
std::string folded(std::string_view name) {
  std::string letters;
  for (const char c : name) {
    if (c == '-' || c == '_' || c == '.') continue;
    letters += 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return letters;
}

}  // namespace

std::span<const Task> all_tasks() {
  return tasks;
}

const Task* find_task(std::string_view name) {
  const std::string typed = folded(name);
  const auto same = [&](std::string_view known) { return folded(known) == typed; };
  for (const Task& task : tasks) {
    if (same(task.name) || std::any_of(task.spellings.begin(), task.spellings.end(), same)) {
      return &task;
    }
  }
  return nullptr;
}

}  // namespace bertq::engine
