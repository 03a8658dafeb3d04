// SQuAD from file to score, against what the field's code makes of the same logits
// (scripts/make_squad_golden.py).

#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "engine/sample/sample.h"
#include "engine/squad/squad_set.h"
#include "support/temporary_folder.h"

namespace bertq::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

const fs::path golden = fs::path(BERTQ_TEST_DATA) / "squad";
constexpr std::size_t max_tokens = 40;
const SquadOptions options{.doc_stride = 12, .max_query = 10, .n_best = 8, .max_answer = 6};

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

ModelFiles span_model() {
  ModelFiles files;
  files.name = "model";
  files.heads.span = true;
  files.tokenizer = tokenizer::Tokenizer::from_vocabulary(sample::vocabulary(), "vocab.txt", {});
  return files;
}

const ModelFiles& model() {
  static const ModelFiles files = span_model();
  return files;
}

SquadExamples cases(const char* file) {
  return read_squad(SquadVersion::v2_0, golden / file);
}

// The windows of each question of cases-v2.0.json.
using WindowIds = std::vector<std::vector<std::vector<std::int32_t>>>;
WindowIds golden_windows() {
  return ordered_json::parse(bytes_of(golden / "windows.json")).get<WindowIds>();
}

// The golden logits of the windows of those questions that `kept` has.
ModelOutputs golden_outputs(const SquadExamples& kept) {
  const std::string bytes = bytes_of(golden / "logits.f32");
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  const SquadExamples all = cases("cases-v2.0.json");
  const WindowIds windows = golden_windows();
  REQUIRE(windows.size() == all.questions.size());
  ModelOutputs outputs;
  outputs.bounds = {0};
  auto next = values.begin();
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const bool take = std::any_of(
        kept.questions.begin(), kept.questions.end(),
        [&](const SquadQuestion& question) { return question.id == all.questions[i].id; });
    for (const auto& ids : windows[i]) {
      const auto end = next + static_cast<std::ptrdiff_t>(2 * ids.size());
      if (take) outputs.values.insert(outputs.values.end(), next, end);
      if (take) outputs.bounds.push_back(outputs.values.size());
      next = end;
    }
  }
  CHECK(next == values.end());
  return outputs;
}

TEST_CASE("windows are those of the field's code") {
  const auto set =
      make_squad_set(SquadVersion::v2_0, cases("cases-v2.0.json"), model(), max_tokens, options);
  std::size_t input = 0;
  for (const auto& question : golden_windows()) {
    for (const auto& ids : question) {
      REQUIRE(input < set->inputs().size());
      const auto& encoding = set->inputs()[input++];
      CHECK(encoding.ids == ids);
      // Segment 0 up to the first [SEP], then 1.
      const auto separator =
          std::find(ids.begin(), ids.end(), *model().tokenizer->id("[SEP]")) - ids.begin();
      std::vector<std::int32_t> segments(ids.size(), 1);
      std::fill_n(segments.begin(), separator + 1, 0);
      CHECK(encoding.segments == segments);
    }
  }
  CHECK(input == set->inputs().size());
}

TEST_CASE("answers, files and scores are those of the field's code") {
  struct Form {
    SquadVersion version;
    const char* file;
    const char* folder;
    std::vector<std::string> written;
  };
  const std::vector<Form> forms{
      {SquadVersion::v1_1,
       "cases-v1.1.json",
       "v1.1",
       {"predictions.json", "nbest_predictions.json"}},
      {SquadVersion::v2_0,
       "cases-v2.0.json",
       "v2.0",
       {"predictions.json", "nbest_predictions.json", "null_odds.json"}},
  };
  for (const Form& form : forms) {
    CAPTURE(form.folder);
    SquadExamples examples = cases(form.file);
    const ModelOutputs outputs = golden_outputs(examples);
    const auto set =
        make_squad_set(form.version, std::move(examples), model(), max_tokens, options);
    REQUIRE(outputs.inputs() == set->inputs().size());

    const testing::TemporaryFolder folder;
    set->write_files(outputs, folder.path());
    for (const std::string& name : form.written) {
      CAPTURE(name);
      CHECK(bytes_of(folder.path() / name) == bytes_of(golden / form.folder / name));
    }
    CHECK(fs::exists(folder.path() / "null_odds.json") == (form.version == SquadVersion::v2_0));

    const auto expected = ordered_json::parse(bytes_of(golden / form.folder / "scores.json"));
    const auto scores = set->score(outputs);
    REQUIRE(scores.size() == expected.size());
    auto wanted = expected.begin();
    for (const Score& score : scores) {
      CHECK(score.name == wanted.key());
      CHECK(score.value == wanted.value().get<double>());  // to the last digit
      ++wanted;
    }

    const auto predictions =
        ordered_json::parse(bytes_of(golden / form.folder / "predictions.json"));
    const auto answers = set->answers(outputs);
    std::size_t example = 0;
    for (const auto& [id, text] : predictions.items()) CHECK(answers[example++] == text);
    CHECK(example == answers.size());
  }
}

TEST_CASE("the score of a choice of examples") {
  SquadExamples examples = cases("cases-v1.1.json");
  const ModelOutputs outputs = golden_outputs(examples);
  const auto set =
      make_squad_set(SquadVersion::v1_1, std::move(examples), model(), max_tokens, options);
  const auto of_choice = set->goal_score(outputs);
  std::vector<std::size_t> all;
  double sum = 0.0;
  for (std::size_t i = 0; i < set->examples(); ++i) {
    const std::size_t one[] = {i};
    all.push_back(i);
    sum += of_choice(one);
  }
  CHECK(set->goal() == "f1");
  CHECK(of_choice(all) == set->score(outputs)[1].value);
  CHECK(sum / static_cast<double>(all.size()) == doctest::Approx(of_choice(all)));
  const std::size_t twice[] = {3, 3, 5};
  const std::size_t three[] = {3}, five[] = {5};
  CHECK(of_choice(twice) == doctest::Approx((2 * of_choice(three) + of_choice(five)) / 3));
}

TEST_CASE("a model without a span head or a tokenizer is refused") {
  ModelFiles headless = span_model();
  headless.heads.span = false;
  CHECK_THROWS_WITH(
      make_squad_set(SquadVersion::v2_0, cases("cases-v2.0.json"), headless, max_tokens, options),
      "model: expected a span head (qa_outputs) for questions, got none");
  ModelFiles mute = span_model();
  mute.tokenizer.reset();
  CHECK_THROWS_WITH(
      make_squad_set(SquadVersion::v2_0, cases("cases-v2.0.json"), mute, max_tokens, options),
      "model: expected vocab.txt or tokenizer.json, got none");
}

TEST_CASE("a question that its window has no room for is named") {
  SquadExamples examples = cases("cases-v2.0.json");
  const std::string file = examples.name;
  SquadOptions wide = options;
  wide.max_query = 64;
  CHECK_THROWS_WITH(
      make_squad_set(SquadVersion::v2_0, std::move(examples), model(), 24, wide),
      (file + ": question '0020-\xC3\xA9\"\\\\': expected a question that leaves room "
              "for its context in a window of 24 tokens, got 28")
          .c_str());
}

}  // namespace
}  // namespace bertq::engine
