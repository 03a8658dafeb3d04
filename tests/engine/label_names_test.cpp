#include "engine/model/label_names.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bertq/error.h"
#include "engine/model/assemble_model.h"
#include "engine/model/model_files.h"
#include "engine/sample/sample.h"
#include "loaders/byte_source.h"

namespace bertq::engine {
namespace {

using Names = std::vector<std::string>;

Names read(const std::string& text, std::size_t logits) {
  return read_label_names(*loaders::open_memory(std::as_bytes(std::span(text)), "labels.txt"),
                          logits);
}

TEST_CASE("labels.txt has a label a line") {
  CHECK(read("contradiction\nentailment\nneutral\n", 3) ==
        Names{"contradiction", "entailment", "neutral"});
  CHECK(read("0\r\n1", 2) == Names{"0", "1"});
}

TEST_CASE("a labels.txt that does not fit is refused by its line") {
  struct Case {
    std::string text;
    std::size_t logits;
    std::string message;
  };
  const Case cases[] = {
      {"", 2, "labels.txt: expected 2 lines, one for each logit of the classifier, got 0"},
      {"a\nb\nc\n", 2, "labels.txt: expected 2 lines, one for each logit of the classifier, got 3"},
      {"a\n\nb\n", 2, "labels.txt: line 2: expected a label, got an empty line"},
      {"a\na\n", 2,
       "labels.txt: line 2: expected a label of its own, got one that an earlier line has"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    try {
      read(c.text, c.logits);
      FAIL_CHECK("expected to be refused");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::input);
      CHECK(error.what() == c.message);
    }
  }
}

ModelFiles sample_with(std::string_view config, std::string_view labels) {
  const auto folder = folder_in_memory(
      "sample",
      {{"config.json", config}, {"vocab.txt", sample::vocabulary()}, {"labels.txt", labels}});
  return assemble_model("sample", *folder, {}, [](const std::string&) {
    return loaders::open_checkpoint_file(
        loaders::open_memory(std::as_bytes(std::span(sample::checkpoint())), "weights"));
  });
}

TEST_CASE("it speaks where config.json names no labels, and is part of the model then") {
  std::string config(sample::config());
  CHECK(sample_with(config, "x\ny\n").config.labels == Names{"not_equivalent", "equivalent"});
  for (const auto& [name, generic] :
       {std::pair{"not_equivalent", "LABEL_0"}, std::pair{"equivalent", "LABEL_1"}}) {
    for (std::size_t at = config.find('"' + std::string(name) + '"'); at != std::string::npos;
         at = config.find('"' + std::string(name) + '"')) {
      config.replace(at + 1, std::string_view(name).size(), generic);
    }
  }
  const ModelFiles files = sample_with(config, "x\ny\n");
  CHECK(files.config.labels == Names{"x", "y"});
  CHECK(files.labels == 2);
  CHECK(std::find(files.small_files.begin(), files.small_files.end(), "labels.txt") !=
        files.small_files.end());
  CHECK_THROWS_AS(sample_with(config, "x\n"), Error);
}

}  // namespace
}  // namespace bertq::engine
