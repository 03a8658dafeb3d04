// What BERT's tokenizers make of difficult strings, as a specification: uncased, both profiles, and
// where each token came from.

#include <doctest/doctest.h>

#include <string>

#include "tokenizer/small_vocabulary.h"

namespace bertq::tokenizer::testing {
namespace {

using namespace std::string_literals;

struct Example {
  std::string why;
  std::string text;
  std::string hf, hf_spans;
  // Empty: as hf.
  std::string google = {}, google_spans = {};
};

// Of `count` characters of `bytes` bytes, each of which becomes `tokens` tokens.
std::string spans_of(int count, int bytes, int tokens) {
  std::string spans;
  for (int i = 0; i < count * tokens; ++i) {
    const int begin = i / tokens * bytes;
    if (i > 0) spans += ' ';
    spans += std::to_string(begin) + '-' + std::to_string(begin + bytes);
  }
  return spans;
}

const std::vector<Example> kExamples = {
    {"an emoji does not split a word", "good😀bye", "[UNK]", "0-11"},
    {"zero-width joiners are deleted, so that a family is one word", "👨‍👩‍👧 ok",
     "[UNK] ok", "0-18 19-21"},
    {"Hangul is decomposed; each part comes from its whole syllable", "한국어",
     "ᄒ ##ᅡ ##ᆫ ##ᄀ ##ᅮ ##ᆨ ##ᄋ ##ᅥ", "0-3 0-3 0-3 3-6 3-6 3-6 6-9 6-9"},
    {"characters are counted after decomposition: 153 are too many for hf", repeat("한", 51),
     "[UNK]", "0-153", "ᄒ ##ᅡ ##ᆫ" + repeat(" ##ᄒ ##ᅡ ##ᆫ", 50), spans_of(51, 3, 3)},
    {"Thai vowels and tones that are nonspacing marks go", "กี่ น้ำ", "ก [UNK]", "0-3 10-19"},
    {"the virama goes, spacing vowels stay", "हिन्दी", "ह ##ि ##न ##द ##ी",
     "0-3 3-6 6-9 12-15 15-18"},
    {"voiced kana lose their voice", "ガギグ", "カ ##キ ##ク", "0-3 3-6 6-9"},
    {"halfwidth kana are not made wide", "ｶﾞ", "[UNK]", "0-6"},
    {"a final sigma is google's", "ΟΔΟΣ", "ο ##δ ##ο ##σ", "0-2 2-4 4-6 6-8", "ο ##δ ##ος",
     "0-2 2-4 4-8"},
    {"i with and without dot, in any locale", "İstanbul ıstanbul", "istanbul ı ##stan ##bu ##l",
     "0-9 10-12 12-16 16-18 18-19"},
    {"ideographs of extension E below U+2B920 are letters to hf", "a\U0002B820b", "[UNK]", "0-6",
     "a [UNK] b", "0-1 1-5 5-6"},
    {"control and format characters vanish inside a word",
     "a\x0B\x0C\u0085\x1C\u200B\u00AD\uFEFF\uFFFD\0b"s, "ab", "0-19"},
    {"all kinds of white space split", "a\u00A0b\u3000a\u2028b\u1680a", "a b a b a",
     "0-1 3-4 7-8 11-12 15-16"},
    {"hf deletes private use", "a\uE000b", "ab", "0-5", "[UNK]", "0-5"},
    {"unassigned code points are letters", "a\u0378b", "[UNK]", "0-4"},
    {"hf finds special tokens in a text, as they are written", "x[MASK]y [mask]",
     "x [MASK] y [ mask ]", "0-1 1-7 7-8 9-10 10-14 14-15", "x [ mask ] y [ mask ]",
     "0-1 1-2 2-6 6-7 7-8 9-10 10-14 14-15"},
    {"100 characters are a word to hf, 101 are not", repeat("c", 101), "[UNK]", "0-101",
     "c" + repeat(" ##c", 100), spans_of(101, 1, 1)},
    {"a lone accent is nothing", "\u0301", "", ""},
    {"stacked accents go", "Z͑A͗L", "za ##l", "0-4 6-7"},
    {"punctuation that is younger than Unicode 8 is a letter to hf", "\u2E53x", "[UNK]", "0-4",
     "[UNK] x", "0-3 3-4"},
    {"an ideograph is a word", "a龍b!", "a 龍 b !", "0-1 1-4 4-5 5-6"},
    {"nothing is nothing", "", "", ""},
    {"white space is nothing", " \t\r\n", "", ""},
};

TEST_CASE("both profiles on the strings that others get wrong") {
  const auto hf = small_tokenizer();
  const auto google = small_tokenizer({.profile = Profile::google});
  for (const Example& example : kExamples) {
    CAPTURE(example.why);
    CAPTURE(example.text);
    const Encoding by_hf = hf.encode(example.text);
    CHECK(show_tokens(hf, by_hf) == example.hf);
    CHECK(show_spans(by_hf) == example.hf_spans);

    const bool same = example.google.empty();
    const Encoding by_google = google.encode(example.text);
    CHECK(show_tokens(google, by_google) == (same ? example.hf : example.google));
    CHECK(show_spans(by_google) == (same ? example.hf_spans : example.google_spans));
  }
}

TEST_CASE("the longest allowed word") {
  const auto hf = small_tokenizer();
  const auto google = small_tokenizer({.profile = Profile::google});
  CHECK(hf.encode(repeat("c", 100)).size() == 102);
  CHECK(hf.encode(repeat("c", 101)).size() == 3);
  CHECK(google.encode(repeat("c", 200)).size() == 202);
  CHECK(google.encode(repeat("c", 201)).size() == 3);
}

}  // namespace
}  // namespace bertq::tokenizer::testing
