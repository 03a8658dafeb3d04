#include "engine/task/task.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "bertq/error.h"

namespace bertq {
namespace {

TEST_CASE("mrpc is a task, and what is not is none") {
  REQUIRE(find_task("mrpc") != nullptr);
  CHECK(find_task("mrpc")->max_tokens == 128);
  CHECK(find_task("MRPC") == nullptr);
  CHECK(find_task("") == nullptr);
}

struct LabelCase {
  std::string what;
  std::vector<std::string> labels;
  std::size_t logits;
  bool regression;
  std::optional<std::vector<std::size_t>> order;  // empty: refused
};

TEST_CASE("a checkpoint's labels are matched by name, or refused") {
  using Order = std::vector<std::size_t>;
  const LabelCase cases[] = {
      {"no names", {}, 2, false, Order{0, 1}},
      {"names of transformers' making", {"LABEL_0", "LABEL_1"}, 2, false, Order{0, 1}},
      {"the files' own", {"0", "1"}, 2, false, Order{0, 1}},
      {"the files' own, the other way round", {"1", "0"}, 2, false, Order{1, 0}},
      {"GLUE's words", {"not_equivalent", "equivalent"}, 2, false, Order{0, 1}},
      {"GLUE's words, swapped, in capitals",
       {"EQUIVALENT", "NOT_EQUIVALENT"},
       2,
       false,
       Order{1, 0}},
      {"another task's words", {"entailment", "not_entailment"}, 2, false, std::nullopt},
      {"one name twice", {"equivalent", "equivalent"}, 2, false, std::nullopt},
      {"three classes", {}, 3, false, std::nullopt},
      {"no head", {}, 0, false, std::nullopt},
      {"regression", {}, 1, true, std::nullopt},
      {"two logits of a regression", {}, 2, true, std::nullopt},
  };
  for (const LabelCase& c : cases) {
    CAPTURE(c.what);
    ModelConfig config;
    config.labels = c.labels;
    config.regression = c.regression;
    const Task& task = *find_task("mrpc");
    if (c.order) {
      CHECK(match_labels(task, config, c.logits, "here") == *c.order);
      continue;
    }
    try {
      match_labels(task, config, c.logits, "here");
      FAIL_CHECK("expected to be refused");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::input);
      CHECK(std::string(error.what()).starts_with("here: task mrpc: expected "));
    }
  }
}

}  // namespace
}  // namespace bertq
