#include "engine/task/custom_task.h"

#include <doctest/doctest.h>

#include <span>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "engine/model/model_files.h"
#include "engine/task/task.h"
#include "loaders/byte_source.h"

namespace bertq::engine {
namespace {

using Names = std::vector<std::string>;

ModelFiles model_with(std::size_t logits, const Names& labels = {}) {
  ModelFiles files = open_embedded_model({});
  files.labels = logits;
  files.config.labels = labels;
  files.config.regression = logits == 1;
  return files;
}

CustomOptions columns(const std::string& text, const std::string& pair, const std::string& label,
                      const std::string& metric = "") {
  CustomOptions options;
  options.text = text;
  options.pair = pair;
  options.label = label;
  options.label_is_required = !label.empty();
  options.metric = metric;
  return options;
}

CustomOptions numbers(const std::string& text, const std::string& pair, const std::string& label) {
  CustomOptions options = columns(text, pair, label);
  options.header = false;
  return options;
}

std::unique_ptr<EvaluationSet> open(const std::string& file, const CustomOptions& options,
                                    const ModelFiles& files, Split split = Split::dev) {
  TaskOptions all;
  all.custom = options;
  all.split = split;
  return open_evaluation_set(*find_task("custom"),
                             *loaders::open_memory(std::as_bytes(std::span(file)), "mine"), files,
                             all);
}

TEST_CASE("columns by name or number, keys, labels by name or index") {
  const Names moods = {"sad", "glad"};
  struct Case {
    std::string what, file;
    CustomOptions options;
    Names labels;  // of the checkpoint
    Names texts, expected;
  };
  const Case cases[] = {
      {"columns in any place",
       "gold\tx\tsaid\nglad\t-\tyes\n0\t-\tno\n",
       columns("said", "", "gold"),
       moods,
       {"yes", "no"},
       {"glad", "sad"}},
      {"defaults", "text\tlabel\na\t1\n", CustomOptions{}, {}, {"a"}, {"1"}},
      {"a pair", "a\tb\tc\none\ttwo\t0\n", columns("a", "b", "c"), {}, {"one\ttwo"}, {"0"}},
      {"no header",
       "one\t1\ttwo\nthree\t0\tfour\n",
       numbers("1", "3", "2"),
       {},
       {"one\ttwo", "three\tfour"},
       {"1", "0"}},
      {"JSON Lines",
       "{\"a\": \"x\\ty\", \"l\": \"glad\", \"more\": [1]}\n{\"a\": \"z\", \"l\": 0}\n",
       columns("a", "", "l"),
       moods,
       {"x\ty", "z"},
       {"glad", "sad"}},
      {"JSON Lines after a byte order mark, with blank lines",
       "\xEF\xBB\xBF\n{\"text\": \"a\", \"label\": \"1\"}\r\n\n",
       CustomOptions{},
       {},
       {"a"},
       {"1"}},
      {"names win over indices", "text\tlabel\na\t1\n", CustomOptions{}, {"1", "0"}, {"a"}, {"1"}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const auto set = open(c.file, c.options, model_with(2, c.labels));
    CHECK(set->labelled());
    CHECK(set->goal() == "acc");
    REQUIRE(set->examples() == c.texts.size());
    for (std::size_t i = 0; i < c.texts.size(); ++i) {
      CHECK(set->example_text(i) == c.texts[i]);
      CHECK(set->expected_answer(i) == c.expected[i]);
    }
  }
}

TEST_CASE("a checkpoint with one logit takes numbers") {
  const ModelFiles files = model_with(1, {"LABEL_0"});
  for (const std::string file : {"text\tlabel\na\t-1.5\nb\t2e3\n",
                                 "{\"text\": \"a\", \"label\": -1.5}\n"
                                 "{\"text\": \"b\", \"label\": 2000}\n"}) {
    const auto set = open(file, CustomOptions{}, files);
    CHECK(set->regression());
    CHECK(set->goal() == "spearmanr");
    CHECK(set->expected_answer(0) == "-1.5");
    CHECK(set->expected_answer(1) == "2000");
    CHECK(open(file, columns("text", "", "label", "pearson"), files)->goal() == "pearson");
  }
}

TEST_CASE("without labels it is a test set, whose labels nobody reads") {
  CHECK_FALSE(open("text\na\n", CustomOptions{}, model_with(2))->labelled());
  CHECK_FALSE(open("{\"text\": \"a\"}\n", CustomOptions{}, model_with(2))->labelled());
  CHECK_FALSE(
      open("text\tlabel\na\tunknown\n", CustomOptions{}, model_with(2), Split::test)->labelled());
}

TEST_CASE("what is wrong is named with its line and its column or key") {
  const CustomOptions plain, required = columns("text", "", "label");
  struct Case {
    std::string what, file;
    CustomOptions options;
    std::size_t logits;
    std::string message;
  };
  const Case cases[] = {
      {"no such text column", "a\tlabel\nx\t1\n", plain, 2,
       "mine: line 1: expected a header with the column 'text', got 2 columns that begin with 'a'"},
      {"no such pair column", "text\tlabel\nx\t1\n", columns("text", "other", "label"), 2,
       "mine: line 1: expected a header with the column 'other', got 2 columns that begin with "
       "'text'"},
      {"no such label column", "text\tgold\nx\t1\n", required, 2,
       "mine: line 1: expected a header with the column 'label', got 2 columns that begin with "
       "'text'"},
      {"a column twice", "text\ttext\nx\t1\n", plain, 2,
       "mine: line 1: expected one column 'text', got several"},
      {"unknown label", "text\tlabel\nx\t1\ny\t2\n", plain, 2,
       "mine: line 3: column label: expected 0 or 1, got '2'"},
      {"not a number", "text\tlabel\nx\tgood\n", plain, 1,
       "mine: line 2: column label: expected a number, got 'good'"},
      {"NaN", "text\tlabel\nx\tnan\n", plain, 1,
       "mine: line 2: column label: expected a number, got 'nan'"},
      {"infinity", "text\tlabel\nx\t1e999\n", plain, 1,
       "mine: line 2: column label: expected a number, got '1e999'"},
      {"too few columns for the number", "a\tb\n", numbers("1", "", "3"), 2,
       "mine: line 1: expected at least 3 columns, got 2"},
      {"a row of another width", "a\t1\nb\n", numbers("1", "", "2"), 2,
       "mine: line 2: expected 2 columns, got 1"},
      {"a label without a header", "a\t9\n", numbers("1", "", "2"), 2,
       "mine: line 1: column 2: expected 0 or 1, got '9'"},
      {"an empty file", "", plain, 2, "mine: expected a header line, got an empty file"},
      {"a header alone", "text\tlabel\n", plain, 2,
       "mine: expected rows after the header, got none"},
      {"broken JSON", "{\"text\": \"a\", \"label\": 1}\n{\"text\": \n", plain, 2,
       "mine: line 2: expected JSON, got something else at byte 10"},
      {"no object", "{\"text\": \"a\", \"label\": 1}\n[1]\n", plain, 2,
       "mine: line 2: expected a JSON object, got array"},
      {"a key that is missing", "{\"text\": \"a\", \"label\": 1}\n{\"label\": 1}\n", plain, 2,
       "mine: line 2: key \"text\": expected a string, got none"},
      {"a label that is missing", "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\"}\n", plain, 2,
       "mine: line 2: key \"label\": expected 0 or 1, got none"},
      {"a label of another kind", "{\"text\": \"a\", \"label\": true}\n", plain, 2,
       "mine: line 1: key \"label\": expected 0 or 1, got true"},
      {"no head", "text\tlabel\na\t1\n", plain, 0,
       "embedded sample: task custom: expected a classification head, got none"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    try {
      open(c.file, c.options, model_with(c.logits));
      FAIL_CHECK("expected to be refused");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::input);
      CHECK(std::string(error.what()) == c.message);
    }
  }
}

TEST_CASE("nesting is bounded") {
  const std::string deep(100'000, '[');
  CHECK_THROWS_AS(open("{\"text\": " + deep, CustomOptions{}, model_with(2)), Error);
}

TEST_CASE("metrics that the head cannot be scored by, and numbers that are none") {
  struct Case {
    CustomOptions options;
    std::size_t logits;
  };
  const Case cases[] = {
      {columns("text", "", "label", "pearson"), 2},
      {columns("text", "", "label", "acc"), 1},
      {columns("text", "", "label", "f1"), 3},
      {columns("text", "", "label", "bleu"), 2},
      {numbers("0", "", "1"), 2},
      {numbers("text", "", "1"), 2},
      {numbers("1", "-1", "2"), 2},
  };
  for (const Case& c : cases) {
    CAPTURE(c.options.metric);
    try {
      open("text\tlabel\na\t1\n", c.options, model_with(c.logits));
      FAIL_CHECK("expected to be refused");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::usage);
      CHECK(std::string(error.what()).starts_with("--task custom: "));
    }
  }
  CHECK_NOTHROW(open("text\tlabel\na\t1\n", columns("text", "", "label", "mcc"), model_with(3)));
}

}  // namespace
}  // namespace bertq::engine
