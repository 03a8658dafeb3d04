// Corners that the golden cases of squad_golden_test.cpp do not have.

#include "engine/squad/squad_answers.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "engine/squad/final_text.h"

namespace bertq::engine {
namespace {

constexpr std::string_view vocabulary =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\nsteve\nsmith\n##s\n'\ns\n,\na\nb\nc\n##c\n";

const tokenizer::Tokenizer& small() {
  static const auto made = tokenizer::Tokenizer::from_vocabulary(vocabulary, "vocab.txt", {});
  return made;
}

// The prediction for a context seen through one window with the question "a". `starts` and `ends`
// are the logits of the context's tokens; all other tokens have -9.
SquadPrediction predict(const std::string& text, const std::vector<float>& starts,
                        const std::vector<float>& ends, const SquadChoice& choice,
                        float null = -9.0F) {
  const SquadEncoder encoder(small(), 384, choice.options);
  const SquadContext context = encoder.read_context(text);
  const SquadFeatures features = encoder.encode("a", context);
  std::vector<float> logits(features.inputs.empty() ? 0 : 2 * features.inputs[0].size(), -9.0F);
  if (!logits.empty()) logits[0] = logits[1] = null;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    logits[2 * (features.windows[0].offset + i)] = starts[i];
    logits[2 * (features.windows[0].offset + i) + 1] = ends[i];
  }
  const std::vector<std::span<const float>> rows(features.windows.size(), std::span(logits));
  return predict_answer(context, features.windows, rows, small(), choice);
}

TEST_CASE("the text of an answer is that of the context, and so are its bytes") {
  // Seven tokens: steve ' smith ' s , a
  const std::string text = "He: Steve   Smith's,\ta";
  const auto made = predict("steve   Smith's,\ta", {5, 0, 0, 0, 0, 0}, {0, 5, 0, 0, 0, 0}, {});
  CHECK(made.answer().text == "steve Smith");
  CHECK(made.answer().bytes == tokenizer::Span{0, 13});
  const auto longer = predict("steve   Smith's,\ta", {5, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 5}, {});
  CHECK(longer.answer().text == "steve Smith's, a");
  CHECK(longer.answer().bytes == tokenizer::Span{0, 18});
}

TEST_CASE("equal scores keep the order of their tokens, starts before ends") {
  const auto made = predict("a b c", {1, 1, 1}, {1, 1, 1}, {});
  std::vector<std::string> texts;
  for (const auto& candidate : made.n_best) texts.push_back(candidate.text);
  CHECK(texts == std::vector<std::string>{"a", "a b", "a b c", "b", "b c", "c"});
  CHECK(made.n_best[0].probability == doctest::Approx(1.0 / 6));
}

TEST_CASE("a text counts once, with its best span") {
  const auto made = predict("b a b", {1, 0, 3}, {1, 0, 3}, {});
  CHECK(made.n_best[0].text == "b");
  CHECK(made.n_best[0].bytes == tokenizer::Span{4, 5});
  for (std::size_t i = 1; i < made.n_best.size(); ++i) CHECK(made.n_best[i].text != "b");
}

TEST_CASE("limits on answers") {
  const SquadChoice one{{.max_answer = 1}};
  for (const auto& candidate : predict("a b c", {1, 0, 0}, {0, 0, 9}, one).n_best) {
    CHECK(candidate.bytes.end - candidate.bytes.begin == 1);
  }
  const SquadChoice two{{.n_best = 2}};
  CHECK(predict("a b c", {1, 2, 0}, {0, 3, 9}, two).n_best.size() == 2);
  // Of the two best ends none lies after the two best starts.
  const auto none = predict("a b c", {0, 1, 2}, {2, 1, 0}, {{.n_best = 1}});
  CHECK(none.n_best.size() == 1);
  CHECK(none.answer().text == "empty");
  CHECK(none.answer().probability == 1.0);
  CHECK(none.answer().bytes == tokenizer::Span{});
}

TEST_CASE("a context without tokens") {
  CHECK(predict("", {}, {}, {}).answer().text == "empty");
  CHECK(predict(" \x01 ", {}, {}, {}).answer().text == "empty");
  const auto v2 = predict("", {}, {}, {{}, true});
  CHECK(v2.answer().text == "");
  CHECK(v2.null_odds == 1'000'000);
  REQUIRE(v2.n_best.size() == 2);
  CHECK(v2.n_best[0].text == "empty");
  CHECK(v2.n_best[1].probability == 0.5);
}

TEST_CASE("no answer is given where it beats the best answer by more than the threshold") {
  struct Row {
    double threshold;
    float null;
    std::string text;
  };
  // The best span has 4 + 4.
  for (const Row& row : std::vector<Row>{{0, 4.0F, "b"},
                                         {0, 4.5F, ""},
                                         {1, 4.5F, "b"},
                                         {0.5, 4.5F, ""},
                                         {-1, 3.75F, ""},
                                         {-1, 3.5F, "b"}}) {
    CAPTURE(row.threshold);
    CAPTURE(row.null);
    const SquadChoice choice{{.null_threshold = row.threshold}, true};
    const auto made = predict("a b c", {0, 4, 0}, {0, 4, 0}, choice, row.null);
    CHECK(made.answer().text == row.text);
    CHECK(made.null_odds == 2 * static_cast<double>(row.null) - 8);
  }
}

TEST_CASE("no answer is listed even where there is no room for it") {
  const auto made = predict("a b c", {1, 1, 1}, {1, 1, 1}, {{.n_best = 2}, true}, -5.0F);
  REQUIRE(made.n_best.size() == 3);
  CHECK(made.n_best[2].text == "");
  CHECK(made.n_best[2].start_logit == -5.0);
}

std::string final_text(std::string_view predicted, const std::string& original) {
  const auto [begin, end] = find_final_text(predicted, original, small());
  return original.substr(begin, end - begin);
}

TEST_CASE("from pieces back to the words of the text") {
  struct Row {
    std::string predicted, original, text;
  };
  const std::vector<Row> rows{
      {"steve smith", "Steve Smith's", "Steve Smith"},
      {"smith", "Steve Smith's", "Smith"},
      {"smith '", "Steve Smith's", "Smith'"},
      {"jose", "(Jos\xC3\xA9)", "Jos\xC3\xA9"},
      // A mark of its own, a letter that becomes two, one that vanishes: lengths differ.
      {"jose", "Jose\xCC\x81,", "Jose\xCC\x81,"},
      {"istanbul", "\xC4\xB0stanbul,", "\xC4\xB0stanbul"},
      {"ab",
       "a\xE2\x80\x8B"
       "b,",
       "a\xE2\x80\x8B"
       "b,"},
      // What is not there, and what is everywhere.
      {"[UNK]", "Steve", "Steve"},
      {"", "Steve", "Steve"},
      {"a", "a b a", "a"},
      {"\xE6\x9D\xB1", "\xE6\x9D\xB1\xE4\xBA\xAC", "\xE6\x9D\xB1"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.predicted);
    CAPTURE(row.original);
    CHECK(final_text(row.predicted, row.original) == row.text);
  }
}

}  // namespace
}  // namespace bertq::engine
