#include "engine/squad/squad_features.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bertq/error.h"
#include "support/thrown_message.h"

namespace bertq::engine {
namespace {

constexpr std::string_view vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\nc\n##b\n##c\n.\n";
constexpr std::int32_t cls = 2, sep = 3, a = 4, b = 5, of_b = 7, of_c = 8, dot = 9;

const tokenizer::Tokenizer& letters() {
  static const auto made = tokenizer::Tokenizer::from_vocabulary(vocabulary, "vocab.txt", {});
  return made;
}

std::vector<std::string> words(std::string_view text) {
  const SquadContext context = SquadEncoder(letters(), 384, {}).read_context(text);
  std::vector<std::string> list;
  for (std::size_t i = 0; i < context.words.size(); ++i) list.push_back(context.joined(i, i));
  return list;
}

TEST_CASE("words lie between five kinds of white space and no other") {
  using Words = std::vector<std::string>;
  CHECK(words("") == Words{});
  CHECK(words(" \t\r\n\xE2\x80\xAF") == Words{});
  CHECK(words("a b\tc\rd\ne\xE2\x80\xAF"
              "f") == Words{"a", "b", "c", "d", "e", "f"});
  CHECK(words("  a  b  ") == Words{"a", "b"});
  // No-break space, vertical tab, line separator, ideographic space; and other bytes like E2 80 AF.
  for (const std::string odd : {"a\xC2\xA0z", "a\vz", "a\xE2\x80\xA8z", "a\xE3\x80\x80z",
                                "a\xE2\x80\xB0z", "\xC3\xA2\xC2\x80\xC2\xAF"}) {
    CAPTURE(odd);
    CHECK(words(odd) == Words{odd});
  }
}

TEST_CASE("tokens know their words; one that gives none is passed over") {
  const SquadContext context = SquadEncoder(letters(), 384, {}).read_context("abc \x01 b. bb");
  CHECK(context.ids == std::vector<std::int32_t>{a, of_b, of_c, b, dot, b, of_b});
  CHECK(context.word_of == std::vector<std::uint32_t>{0, 0, 0, 2, 2, 3, 3});
  CHECK(context.joined(0, 3) == "abc \x01 b. bb");
}

TEST_CASE("windows cover the context and stop where it ends") {
  const SquadEncoder encoder(letters(), 9, {.doc_stride = 2, .max_query = 2});
  // [CLS] b b [SEP] leaves room for four tokens.
  const auto features = encoder.encode("b b a", encoder.read_context("a b c a b c a"));
  struct Expected {
    std::size_t begin, length;
  };
  const std::vector<Expected> expected{{0, 4}, {2, 4}, {4, 3}};
  REQUIRE(features.windows.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(features.windows[i].begin == expected[i].begin);
    CHECK(features.windows[i].length == expected[i].length);
    CHECK(features.windows[i].offset == 4);
    CHECK(features.inputs[i].size() == 5 + expected[i].length);
  }
  CHECK(features.inputs[2].ids == std::vector<std::int32_t>{cls, b, b, sep, b, 6, a, sep});
  CHECK(features.inputs[2].segments == std::vector<std::int32_t>{0, 0, 0, 0, 1, 1, 1, 1});
  // One that fits exactly is one window.
  CHECK(encoder.encode("b b", encoder.read_context("a b c a")).windows.size() == 1);
  CHECK(encoder.encode("b b", encoder.read_context("a b c a b")).windows.size() == 2);
  CHECK(encoder.encode("b b", encoder.read_context(" ")).windows.empty());
}

// google-research/bert's _check_is_max_context, as it stands there: all windows, in order.
bool by_definition(std::span<const SquadWindow> windows, std::size_t nth, std::size_t token) {
  double best = -1.0;
  std::size_t best_at = 0;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const SquadWindow& window = windows[i];
    if (token < window.begin || token >= window.begin + window.length) continue;
    const std::size_t left = token - window.begin, right = window.begin + window.length - 1 - token;
    const double score =
        static_cast<double>(std::min(left, right)) + 0.01 * static_cast<double>(window.length);
    if (score > best) {
      best = score;
      best_at = i;
    }
  }
  return nth == best_at;
}

TEST_CASE("each token counts in the window that shows most around it") {
  for (const std::size_t stride : {1U, 2U, 3U, 5U, 7U}) {
    const SquadEncoder encoder(letters(), 12, {.doc_stride = stride, .max_query = 1});
    std::string text;
    for (int i = 0; i < 37; ++i) text += "a ";
    const auto windows = encoder.encode("b", encoder.read_context(text)).windows;
    for (std::size_t token = 0; token < 37; ++token) {
      std::size_t counted = 0;
      for (std::size_t nth = 0; nth < windows.size(); ++nth) {
        if (token < windows[nth].begin || token >= windows[nth].begin + windows[nth].length)
          continue;
        CAPTURE(stride);
        CAPTURE(token);
        CAPTURE(nth);
        CHECK(has_most_context(windows, nth, token) == by_definition(windows, nth, token));
        if (has_most_context(windows, nth, token)) ++counted;
      }
      CHECK(counted == 1);
    }
  }
}

TEST_CASE("options that make no sense are refused") {
  struct Row {
    std::size_t max_tokens;
    SquadOptions options;
    std::string complaint;
  };
  const std::vector<Row> rows{
      {384, {.doc_stride = 0}, "--doc-stride: expected at least 1, got 0"},
      {384, {.max_query = 0}, "--max-query-length: expected at least 1, got 0"},
      {384, {.n_best = 0}, "--n-best: expected at least 1, got 0"},
      {384, {.max_answer = 0}, "--max-answer-length: expected at least 1, got 0"},
      {3, {.doc_stride = 1}, "--max-seq-length: expected more than the special tokens' 3, got 3"},
      {128,
       {},
       "--doc-stride: expected less than the 125 tokens that a window of 128 has room for, got "
       "128"},
  };
  for (const Row& row : rows) {
    CHECK(testing::thrown_message<Error>(
              [&] { SquadEncoder(letters(), row.max_tokens, row.options); }) == row.complaint);
  }
}

TEST_CASE("a question that leaves no room, and windows that would leave tokens out") {
  const SquadEncoder encoder(letters(), 9, {.doc_stride = 4, .max_query = 64});
  const SquadContext context = encoder.read_context("a b c a b c a");
  CHECK(testing::thrown_message<Error>([&] { encoder.encode("b b b b b b", context); }) ==
        "expected a question that leaves room for its context in a window of 9 tokens, got 6");
  CHECK(testing::thrown_message<Error>([&] { encoder.encode("b b", context); }) ==
        "expected --doc-stride less than the 4 tokens that its window has beside the question, got "
        "4");
  CHECK(encoder.encode("b", context).windows.size() == 2);
  // Where one window shows all, no step is taken.
  CHECK(encoder.encode("b b b", encoder.read_context("a b c")).windows.size() == 1);
}

}  // namespace
}  // namespace bertq::engine
