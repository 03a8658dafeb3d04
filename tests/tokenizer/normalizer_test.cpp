#include "tokenizer/normalizer.h"

#include <doctest/doctest.h>

#include <string>

namespace bertq::tokenizer {
namespace {

using namespace std::string_literals;

struct Result {
  std::string text, origins;
};

Result normalize(const NormalizerRules& rules, std::string_view text) {
  NormalizedText out;
  Normalizer(rules).normalize(text, 0, text.size(), out);
  Result result{out.text, {}};
  for (std::size_t i = 0; i < out.text.size(); ++i) {
    const Span span = out.origin(i, i + 1);
    if (i > 0) result.origins += ' ';
    result.origins += std::to_string(span.begin) + '-' + std::to_string(span.end);
  }
  return result;
}

constexpr NormalizerRules kUncased{};
constexpr NormalizerRules kCased{.strip_accents = false, .lower_case = false};
constexpr NormalizerRules kGoogle{.profile = Profile::google};
constexpr NormalizerRules kAsIs{.clean_text = false,
                                .split_chinese_characters = false,
                                .strip_accents = false,
                                .lower_case = false};

TEST_CASE("each rule on its own and together") {
  struct Case {
    std::string why;
    NormalizerRules rules;
    std::string text, result, origins;
  };
  const Case cases[] = {
      {"plain ASCII keeps its places", kUncased, "Ab\tC", "ab c", "0-1 1-2 2-3 3-4"},
      {"cased text is only cleaned", kCased, "Ab\tÉ", "Ab É", "0-1 1-2 2-3 3-5 3-5"},
      {"nothing is done unasked", kAsIs, "A\t\x01龍", "A\t\x01龍", "0-1 1-2 2-3 3-6 3-6 3-6"},
      {"a dropped control character leaves a hole", kUncased, "a\x01"s + "B", "ab", "0-1 2-3"},
      {"an accent belongs to its letter", kUncased, "É", "e", "0-2"},
      {"a separate accent vanishes", kUncased, "E\u0301!", "e!", "0-1 3-4"},
      {"accents stay where they are not stripped", {.strip_accents = false}, "É", "é", "0-2 0-2"},
      {"accents go without lower-casing",
       {.strip_accents = true, .lower_case = false},
       "É",
       "E",
       "0-2"},
      {"an ideograph gets spaces", kUncased, "a龍", "a 龍 ", "0-1 1-4 1-4 1-4 1-4 1-4"},
      {"a compatibility ideograph is decomposed too", kUncased, "\uF900", " 豈 ",
       "0-3 0-3 0-3 0-3 0-3"},
      {"lower case may be longer", {.strip_accents = false}, "İ", "i̇", "0-2 0-2 0-2"},
      {"and shorter: the Kelvin sign", kUncased, "\u212A", "k", "0-3"},
      {"NFD comes first, so the dot goes", kUncased, "İ", "i", "0-2"},
      {"tokenizers lowers letter by letter", kUncased, "ΑΣ", "ας"s.substr(0, 2) + "σ",
       "0-2 0-2 2-4 2-4"},
      {"google looks at the word", kGoogle, "ΑΣ", "ας", "0-2 0-2 2-4 2-4"},
      {"google always cleans",
       {.profile = Profile::google, .clean_text = false},
       "a\x01"s,
       "a",
       "0-1"},
      // Both survive stripping, as they are spacing marks; NFD sorts 216 before 224. Their origins
      // stay in order.
      {"marks that stay are put in canonical order", kUncased, "a\u302E\U0001D165",
       "a\U0001D165\u302E", "0-1 1-4 1-4 1-4 1-4 4-8 4-8 4-8"},
      {"a dropped mark of class 0 ends the run", kUncased, "a\u302E\u0E31\U0001D165",
       "a\u302E\U0001D165", "0-1 1-4 1-4 1-4 7-11 7-11 7-11 7-11"},
      {"a dropped mark of another class does not", kUncased, "a\u302E\u0301\U0001D165",
       "a\U0001D165\u302E", "0-1 1-4 1-4 1-4 1-4 4-6 4-6 4-6"},
      {"a dropped control character does not", kUncased, "a\u302E\u200B\U0001D165",
       "a\U0001D165\u302E", "0-1 1-4 1-4 1-4 1-4 7-11 7-11 7-11"},
      {"an ASCII letter does", kUncased, "\u302Ea\U0001D165", "\u302Ea\U0001D165",
       "0-3 0-3 0-3 3-4 4-8 4-8 4-8 4-8"},
      {"marks of Unicode 9 are no marks to hf, yet are sorted", kUncased, "a\u302E\U0001E94A",
       "a\U0001E94A\u302E", "0-1 1-4 1-4 1-4 1-4 4-8 4-8 4-8"},
      {"those of Unicode 10 are neither", kUncased, "a\u302E\u1DF9", "a\u302E\u1DF9",
       "0-1 1-4 1-4 1-4 4-7 4-7 4-7"},
      {"nothing", kUncased, "", "", ""},
  };
  for (const auto& [why, rules, text, expected, origins] : cases) {
    CAPTURE(why);
    const Result result = normalize(rules, text);
    CHECK(result.text == expected);
    CHECK(result.origins == origins);
  }
}

TEST_CASE("a part of a text is normalised alone, its spans count from the text's start") {
  const Normalizer normalizer(kUncased);
  NormalizedText out;
  normalizer.normalize("xx Aé yy", 3, 6, out);
  CHECK(out.text == "ae");
  CHECK(out.origin(0, 1) == Span{3, 4});
  CHECK(out.origin(1, 2) == Span{4, 6});
  normalizer.normalize("xx AB yy", 3, 5, out);
  CHECK(out.text == "ab");
  CHECK(out.origin(0, 2) == Span{3, 5});
}

TEST_CASE("what is not UTF-8 is refused with its place") {
  const Normalizer normalizer(kUncased);
  NormalizedText out;
  const std::string text = "abc\xFF";
  CHECK_THROWS_WITH_AS(normalizer.normalize(text, 0, text.size(), out),
                       doctest::Contains("byte offset 3"), TokenizerError);
  // The part ends inside a code point.
  CHECK_THROWS_AS(normalizer.normalize("ab\xC3\xA9", 0, 3, out), TokenizerError);
}

}  // namespace
}  // namespace bertq::tokenizer
