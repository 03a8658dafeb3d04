#include "engine/task/task.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bertq/error.h"
#include "engine/task/label_order.h"

namespace bertq::engine {
namespace {

TEST_CASE("tasks are found in every spelling that the field has for them") {
  const std::vector<std::pair<std::string, std::vector<std::string>>> spellings = {
      {"cola", {"CoLA", "cola", "COLA"}},
      {"sst-2", {"SST-2", "sst2", "sst_2", "SST2"}},
      {"mrpc", {"MRPC", "mrpc"}},
      {"sts-b", {"STS-B", "stsb", "sts_b"}},
      {"qqp", {"QQP"}},
      {"mnli", {"MNLI"}},
      {"qnli", {"QNLI"}},
      {"rte", {"RTE"}},
      {"wnli", {"WNLI"}},
      {"squad", {"SQuAD", "squad_v1.1"}},
      {"squad_v2", {"SQuAD-v2", "squad2.0"}},
      {"custom", {"custom"}},
  };
  CHECK(spellings.size() == all_tasks().size());
  for (const auto& [name, typed] : spellings) {
    for (const std::string& spelling : typed) {
      CAPTURE(spelling);
      REQUIRE(find_task(spelling) != nullptr);
      CHECK(find_task(spelling)->name == name);
    }
  }
  for (const char* none : {"", "-", "glue", "sst", "mnli-mm", "squad3"}) {
    CAPTURE(std::string(none));
    CHECK(find_task(none) == nullptr);
  }
}

TEST_CASE("goals, in the order in which LPOT looks for them") {
  const std::vector<std::pair<std::string, Metric>> goals = {
      {"cola", Metric::mcc},       {"sst-2", Metric::accuracy}, {"mrpc", Metric::f1},
      {"sts-b", Metric::spearman}, {"qqp", Metric::f1},         {"mnli", Metric::accuracy},
      {"qnli", Metric::accuracy},  {"rte", Metric::accuracy},   {"wnli", Metric::accuracy}};
  for (const auto& [name, metric] : goals) {
    CAPTURE(name);
    const Task& task = *find_task(name);
    CHECK(task.goal == metric);
    CHECK(std::find(task.metrics.begin(), task.metrics.end(), metric) != task.metrics.end());
    CHECK(task.max_tokens == 128);
  }
  CHECK(find_task("squad")->max_tokens == 384);
}

struct LabelCase {
  std::string task, what;
  std::vector<std::string> labels;
  std::size_t logits;
  bool regression;
  std::optional<std::vector<std::size_t>> order;  // empty: refused
};

TEST_CASE("a checkpoint's labels are matched by name, or refused") {
  using Order = std::vector<std::size_t>;
  const LabelCase cases[] = {
      {"mrpc", "no names", {}, 2, false, Order{0, 1}},
      {"mrpc", "names of transformers' making", {"LABEL_0", "LABEL_1"}, 2, false, Order{0, 1}},
      {"mrpc", "the files' own", {"0", "1"}, 2, false, Order{0, 1}},
      {"mrpc", "the files' own, the other way round", {"1", "0"}, 2, false, Order{1, 0}},
      {"mrpc", "GLUE's words", {"not_equivalent", "equivalent"}, 2, false, Order{0, 1}},
      {"mrpc", "in capitals, swapped", {"EQUIVALENT", "NOT_EQUIVALENT"}, 2, false, Order{1, 0}},
      {"mrpc", "another task's words", {"entailment", "not_entailment"}, 2, false, std::nullopt},
      {"mrpc", "one name twice", {"equivalent", "equivalent"}, 2, false, std::nullopt},
      {"mrpc", "three classes", {}, 3, false, std::nullopt},
      {"mrpc", "no head", {}, 0, false, std::nullopt},
      {"mrpc", "regression", {}, 1, true, std::nullopt},
      {"mrpc", "two logits of a regression", {}, 2, true, std::nullopt},
      {"cola", "words", {"acceptable", "unacceptable"}, 2, false, Order{1, 0}},
      {"sst-2", "words", {"NEGATIVE", "POSITIVE"}, 2, false, Order{0, 1}},
      {"qqp", "words", {"not_duplicate", "duplicate"}, 2, false, Order{0, 1}},
      {"rte", "indices, the processor's order", {"0", "1"}, 2, false, Order{0, 1}},
      {"qnli", "swapped", {"not_entailment", "entailment"}, 2, false, Order{1, 0}},
      {"wnli", "words", {"not_entailment", "entailment"}, 2, false, Order{0, 1}},
      {"mnli", "no names: the processor's order", {}, 3, false, Order{0, 1, 2}},
      {"mnli",
       "another order",
       {"ENTAILMENT", "NEUTRAL", "CONTRADICTION"},
       3,
       false,
       Order{2, 0, 1}},
      {"mnli", "unknown names", {"yes", "no", "maybe"}, 3, false, std::nullopt},
      {"mnli", "two classes", {"entailment", "not_entailment"}, 2, false, std::nullopt},
      {"sts-b", "one logit", {"LABEL_0"}, 1, true, Order{0}},
      {"sts-b", "a classifier", {}, 2, false, std::nullopt},
      {"sts-b", "no head", {}, 0, false, std::nullopt},
  };
  for (const LabelCase& c : cases) {
    CAPTURE(c.task);
    CAPTURE(c.what);
    ModelConfig config;
    config.labels = c.labels;
    config.regression = c.regression;
    const Task& task = *find_task(c.task);
    if (c.order) {
      CHECK(match_labels(task, config, c.logits, "here") == *c.order);
      continue;
    }
    try {
      match_labels(task, config, c.logits, "here");
      FAIL_CHECK("expected to be refused");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::input);
      CHECK(std::string(error.what()).starts_with("here: task " + c.task + ": expected "));
    }
  }
}

}  // namespace
}  // namespace bertq::engine
