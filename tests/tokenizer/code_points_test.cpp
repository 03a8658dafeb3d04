#include "tokenizer/code_points.h"

#include <doctest/doctest.h>

#include <string>

namespace bertq::tokenizer {
namespace {

TEST_CASE("each profile knows the Unicode of its original") {
  struct Case {
    std::string why;
    char32_t code_point;
    int hf, google;
  };
  const Case cases[] = {
      {"a letter", U'a', 0, 0},
      {"a capital", U'A', kLowerCases, kLowerCases},
      {"an ASCII symbol that Unicode does not call punctuation", U'$', kPunctuation, kPunctuation},
      {"a tab is space, not control", U'\t', kSpace, kSpace},
      {"a vertical tab is both", U'\v', kControl | kSpace, kControl | kSpace},
      {"zero-width space is a format character", 0x200B, kControl, kControl},
      {"the replacement character", 0xFFFD, kControl, kControl},
      {"private use is control to hf only", 0xE000, kControl, 0},
      {"the last private use", 0x10FFFD, kControl, 0},
      {"unassigned", 0x378, 0, 0},
      {"an ideograph", 0x9F8D, kIdeograph, kIdeograph},
      {"the first of extension E that hf misses", 0x2B820, 0, kIdeograph},
      {"and the first that it has", 0x2B920, kIdeograph, kIdeograph},
      {"punctuation of Unicode 8", 0x111DD, kPunctuation, kPunctuation},
      {"punctuation of Unicode 9", 0x11C41, 0, kPunctuation},
      {"punctuation of Unicode 15, which neither has", 0x11B00, 0, 0},
      {"a mark of Unicode 9", 0x1DFB, kReorders, kMark | kReorders},
      {"a mark of Unicode 10", 0x1DF9, 0, kMark | kReorders},
      {"a mark of Unicode 14", 0x1ACE, 0, kMark | kReorders},
      {"no longer punctuation since Unicode 12", 0x166D, kPunctuation, 0},
      {"a mark since Unicode 9", 0x1885, 0, kMark},
      {"a pair of Unicode 16, which only Rust has", 0x10D50, kLowerCases, 0},
      {"a spacing mark with a combining class", 0x302E, kReorders, kReorders},
      {"a syllable", 0xD55C, kDecomposes, kDecomposes},
      {"a decomposition of Unicode 13", 0x11938, 0, kDecomposes},
  };
  for (const auto& [why, code_point, hf, google] : cases) {
    CAPTURE(why);
    CHECK(int{CodePoints::of(Profile::hf).classes(code_point)} == hf);
    CHECK(int{CodePoints::of(Profile::google).classes(code_point)} == google);
  }
}

TEST_CASE("lower case of one code point") {
  const LowerCase dotted = lower_case(Profile::hf, 0x130);
  CHECK(dotted.count == 2);
  CHECK(dotted.code_points[0] == U'i');
  CHECK(dotted.code_points[1] == 0x307);
  CHECK(lower_case(Profile::hf, 0x212A).code_points[0] == U'k');
  CHECK(lower_case(Profile::hf, 0xA7CB).code_points[0] == 0x264);
  CHECK(lower_case(Profile::google, 0xA7CB).code_points[0] == 0xA7CB);
  CHECK(lower_case(Profile::hf, 0x16EB8).code_points[0] == 0x16ED3);
  CHECK(lower_case(Profile::hf, U'ß').code_points[0] == U'ß');
}

TEST_CASE("the longest decomposition") {
  const Decomposition parts = decompose(0x1F82);
  REQUIRE(parts.count == 4);
  CHECK(parts.code_points == std::array<char32_t, 4>{0x3B1, 0x313, 0x300, 0x345});
}

}  // namespace
}  // namespace bertq::tokenizer
