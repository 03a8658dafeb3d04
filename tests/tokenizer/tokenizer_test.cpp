#include "tokenizer/tokenizer.h"

#include <doctest/doctest.h>

#include <iterator>
#include <string>

#include "support/random.h"
#include "support/skipped.h"
#include "support/temporary_folder.h"
#include "tokenizer/json_files.h"
#include "tokenizer/small_vocabulary.h"
#include "tokenizer/utf8.h"

namespace bertq::tokenizer::testing {
namespace {

using bertq::testing::TemporaryFolder;

using Ids = std::vector<std::int32_t>;

Tokenizer tiny() {
  // 0 [PAD], 1 [UNK], 2 [CLS], 3 [SEP], 4 [MASK], 5 a, 6 ##b
  return Tokenizer::from_vocabulary(kGoodVocabTxt, "tiny", {});
}

TEST_CASE("a text, and a pair, as the model takes them") {
  const auto tokenizer = tiny();
  const Encoding one = tokenizer.encode("ab A");
  CHECK(one.ids == Ids{2, 5, 6, 5, 3});
  CHECK(one.segments == Ids{0, 0, 0, 0, 0});
  CHECK(one.spans == std::vector<Span>{{0, 0}, {0, 1}, {1, 2}, {3, 4}, {0, 0}});
  CHECK_FALSE(one.truncated);

  const Encoding two = tokenizer.encode("a", " ab");
  CHECK(two.ids == Ids{2, 5, 3, 5, 6, 3});
  CHECK(two.segments == Ids{0, 0, 0, 1, 1, 1});
  // Of the pair's own text.
  CHECK(two.spans == std::vector<Span>{{0, 0}, {0, 1}, {0, 0}, {1, 2}, {2, 3}, {0, 0}});

  CHECK(tokenizer.encode("").ids == Ids{2, 3});
  CHECK(tokenizer.encode("", "").ids == Ids{2, 3, 3});
}

TEST_CASE("words before they become pieces, a space between any two") {
  const auto tokenizer = tiny();
  CHECK(tokenizer.basic_text("") == "");
  CHECK(tokenizer.basic_text("  He said: \"No!\"\t\u00c9t\u00e9\u00a0\u6771\u4eac ") ==
        "he said : \" no ! \" ete \u6771 \u4eac");
  CHECK(tokenizer.basic_text("a\u200bb e\u0301 [SEP]") == "ab e [ sep ]");
  CHECK(Tokenizer::from_vocabulary(kGoodVocabTxt, "tiny", {.lower_case = false})
            .basic_text("\u00c9t\u00e9.") == "\u00c9t\u00e9 .");
  CHECK_THROWS_AS(tokenizer.basic_text("a\xff"), TokenizerError);
}

TEST_CASE("truncation takes from the longer text, and says so") {
  const auto tokenizer = tiny();
  struct Case {
    std::string first, second;
    std::size_t max_tokens;
    Ids ids;
    bool truncated;
  };
  const Case cases[] = {
      {"a a", "ab ab", 0, {2, 5, 5, 3, 5, 6, 5, 6, 3}, false},
      {"a a", "ab ab", 9, {2, 5, 5, 3, 5, 6, 5, 6, 3}, false},
      {"a a", "ab ab", 8, {2, 5, 5, 3, 5, 6, 5, 3}, true},
      {"a a", "ab ab", 6, {2, 5, 3, 5, 6, 3}, true},
      {"a a", "ab ab", 4, {2, 3, 5, 3}, true},
      {"a a", "ab ab", 3, {2, 3, 3}, true},
      {"ab ab", "", 4, {2, 5, 3, 3}, true},
  };
  for (const auto& [first, second, max_tokens, ids, truncated] : cases) {
    CAPTURE(max_tokens);
    const Encoding encoding = tokenizer.encode(first, second, max_tokens);
    CHECK(encoding.ids == ids);
    CHECK(encoding.truncated == truncated);
    CHECK(encoding.segments.size() == ids.size());
    CHECK(encoding.spans.size() == ids.size());
  }
  CHECK(tokenizer.encode("ab ab", std::nullopt, 4).ids == Ids{2, 5, 6, 3});
  CHECK(tokenizer.encode("ab ab", std::nullopt, 4).truncated);
  CHECK(tokenizer.encode("ab ab", std::nullopt, 2).ids == Ids{2, 3});
  CHECK_FALSE(tokenizer.encode("", std::nullopt, 2).truncated);
  CHECK_THROWS_AS(tokenizer.encode("a", std::nullopt, 1), std::invalid_argument);
  CHECK_THROWS_AS(tokenizer.encode("a", "a", 2), std::invalid_argument);
}

TEST_CASE("a text that is not UTF-8 is refused with its place") {
  const auto tokenizer = tiny();
  CHECK_THROWS_WITH_AS(tokenizer.encode("a\xFF"), doctest::Contains("byte offset 1"),
                       TokenizerError);
  CHECK_THROWS_WITH_AS(tokenizer.encode("a", "[SEP] \xED\xA0\x80"),
                       doctest::Contains("byte offset 6"), TokenizerError);
  // Even where it would have been cut off.
  CHECK_THROWS_AS(tokenizer.encode("a a a a a \xFF", std::nullopt, 3), TokenizerError);
}

TEST_CASE("any bytes are refused, or give spans of whole characters in order") {
  bertq::testing::Random random(29);
  // Pieces that interact, among them bytes that are no UTF-8 alone.
  const std::string_view pieces[] = {
      "a",    "B",      " ",          "!",      "\u0301", "\u302E",     "É",      "Σ",
      "한",   "龍",     "\U0001D165", "\u200B", "İ",      "[SEP]",      "\u3000", "\xC3",
      "\xA9", "\u0334", "\n",         "\uFFFD", "\uE000", "\U0001F600", "\u0345", "\u0E31"};
  const auto hf = small_tokenizer();
  const auto google = small_tokenizer({.profile = Profile::google});
  int refused = 0;
  constexpr int rounds = 20'000;
  for (int round = 0; round < rounds; ++round) {
    std::string text;
    for (auto count = random.below(12); count > 0; --count)
      text += pieces[random.below(std::size(pieces))];
    const bool valid = !find_invalid_utf8(text);
    for (const Tokenizer* tokenizer : {&hf, &google}) {
      CAPTURE(text);
      try {
        const Encoding encoding = tokenizer->encode(text);
        REQUIRE(valid);
        Span last;
        for (std::size_t i = 1; i + 1 < encoding.size(); ++i) {
          const Span span = encoding.spans[i];
          REQUIRE(span.begin < span.end);
          REQUIRE(span.end <= text.size());
          REQUIRE(span.begin >= last.begin);
          REQUIRE(span.end >= last.end);
          const std::string_view source =
              std::string_view(text).substr(span.begin, span.end - span.begin);
          REQUIRE_FALSE(find_invalid_utf8(source).has_value());
          last = span;
        }
      } catch (const TokenizerError&) {
        REQUIRE_FALSE(valid);
        ++refused;
      }
    }
  }
  CHECK(refused > rounds / 10);
  CHECK(refused < rounds);
}

TEST_CASE("ids and tokens, both ways") {
  const auto tokenizer = tiny();
  CHECK(tokenizer.vocabulary_size() == 7);
  CHECK(tokenizer.id("[MASK]") == 4);
  CHECK(tokenizer.id("##b") == 6);
  CHECK_FALSE(tokenizer.id("b").has_value());
  CHECK(tokenizer.token(6) == "##b");
  CHECK(tokenizer.token(7).empty());
  CHECK(tokenizer.token(-1).empty());
}

TEST_CASE("special tokens in a text") {
  CHECK(tiny().encode("a[SEP]a").ids == Ids{2, 5, 3, 5, 3});
  const auto off =
      Tokenizer::from_vocabulary(kGoodVocabTxt, "tiny", {.special_tokens_in_text = false});
  CHECK(off.encode("a[SEP]a").ids == Ids{2, 5, 1, 1, 1, 5, 3});
}

TEST_CASE("options change what they name") {
  const std::string vocabulary = vocab_txt("[UNK] [CLS] [SEP] É É e é 龍 a龍");
  const auto ids = [&](const Options& options, std::string_view text) {
    const Encoding encoding =
        Tokenizer::from_vocabulary(vocabulary, "options", options).encode(text);
    return Ids(encoding.ids.begin() + 1, encoding.ids.end() - 1);
  };
  CHECK(ids({}, "É") == Ids{5});
  CHECK(ids({.lower_case = false}, "É") == Ids{4});
  CHECK(ids({.strip_accents = false}, "É") == Ids{6});
  CHECK(ids({.lower_case = false, .strip_accents = true}, "é") == Ids{5});
  CHECK(ids({}, "a龍") == Ids{0, 7});
  CHECK(ids({.split_chinese_characters = false}, "a龍") == Ids{8});
}

TEST_CASE("tokens that were added past the vocabulary") {
  const TemporaryFolder folder;
  folder.write("tokenizer.json", good_json_but("\"added_tokens\": [", R"("added_tokens": [
                 {"id": 9, "content": "New Word", "normalized": true, "single_word": true},
                 {"id": 8, "content": "[X]", "special": true, "rstrip": true},)"));
  const auto tokenizer = Tokenizer::from_file(folder / "tokenizer.json", {});
  CHECK(tokenizer.vocabulary_size() == 10);
  CHECK(tokenizer.token(8) == "[X]");
  CHECK(tokenizer.token(7).empty());
  CHECK(tokenizer.id("New Word") == 9);
  const Encoding encoding = tokenizer.encode("a NEW WORDS[X] a");
  CHECK(encoding.ids == Ids{2, 5, 1, 1, 8, 5, 3});
  CHECK(tokenizer.encode("a NEW WÖRD[X] a").ids == Ids{2, 5, 9, 8, 5, 3});
  CHECK(tokenizer.encode("a NÉW WORD[X] a").spans ==
        std::vector<Span>{{0, 0}, {0, 1}, {2, 11}, {11, 15}, {15, 16}, {0, 0}});
}

TEST_CASE("a published checkpoint's files agree with each other") {
  const std::filesystem::path folder = BERTQ_SHARED "/models/minilm-mrpc";
  if (!std::filesystem::exists(folder)) {
    bertq::testing::print_skipped("a published checkpoint's tokenizer",
                                  folder.string() + " is absent");
    return;
  }
  const auto whole = Tokenizer::from_folder(folder, {});
  const auto text = Tokenizer::from_file(folder / "vocab.txt", {});
  CHECK(whole.sources().size() == 4);
  CHECK(whole.vocabulary_size() == 30522);
  const std::string sentence = "He said the \"unaffable\" café doesn't fit [SEP] 龍's growth.";
  CHECK(whole.encode(sentence).ids == text.encode(sentence).ids);
  CHECK(show_tokens(whole, whole.encode("unaffable")) == "una ##ffa ##ble");
}

}  // namespace
}  // namespace bertq::tokenizer::testing
