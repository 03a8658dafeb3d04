// What tokenizers 0.23.3 does with the same tokens and texts.

#include "tokenizer/added_tokens.h"

#include <doctest/doctest.h>

#include <string>

namespace bertq::tokenizer {
namespace {

// "7@0-5 8@6-9": what is found in `text`, one after the other.
std::string find_all(const AddedTokenFinder& finder, std::string_view text) {
  std::string shown;
  std::size_t at = 0;
  while (const auto match = finder.find(text, at)) {
    if (!shown.empty()) shown += ' ';
    shown += std::to_string(match->id) + '@' + std::to_string(match->begin) + '-' +
             std::to_string(match->end);
    at = match->end;
  }
  return shown;
}

std::string find_all(const AddedToken& token, std::string_view text) {
  return find_all(AddedTokenFinder({token.content}, {token}, false), text);
}

TEST_CASE("the leftmost, there the longest") {
  const AddedTokenFinder finder(
      {"[SEP]", "[SEP]x", "ab"},
      {{.content = "[SEP]", .id = 1}, {.content = "[SEP]x", .id = 2}, {.content = "ab", .id = 3}},
      false);
  CHECK(find_all(finder, "") == "");
  CHECK(find_all(finder, "[SE]") == "");
  CHECK(find_all(finder, "a[SEP]b") == "1@1-6");
  CHECK(find_all(finder, "[SEP]x[SEP]") == "2@0-6 1@6-11");
  CHECK(find_all(finder, "cabab[[SEP]") == "3@1-3 3@3-5 1@6-11");
}

TEST_CASE("flags of a token") {
  struct Case {
    std::string why;
    bool single_word, strip_left, strip_right;
    const char *text, *found;
  };
  const Case cases[] = {
      {"anywhere", false, false, false, "ab xaby", "0@0-2 0@4-6"},
      {"as a word only", true, false, false, "ab xab aby ab_ (ab)", "0@0-2 0@16-18"},
      {"accented letters are letters", true, false, false, "éab abé", ""},
      {"an ideograph is one too", true, false, false, "龍ab", ""},
      {"with the space before it", false, true, false, "x \u3000ab y", "0@1-7"},
      {"with the space after it", false, false, true, "x ab \u00A0y", "0@2-7"},
      {"spaces are taken once", false, true, true, "ab ab  ab", "0@0-3 0@3-7 0@7-9"},
  };
  for (const Case& example : cases) {
    CAPTURE(example.why);
    const AddedToken token{.content = "ab",
                           .single_word = example.single_word,
                           .strip_left = example.strip_left,
                           .strip_right = example.strip_right};
    CHECK(find_all(token, example.text) == example.found);
  }
}

TEST_CASE("special tokens can be passed over, others not") {
  const AddedTokenFinder finder(
      {"[SEP]", "[NEW]"},
      {{.content = "[SEP]", .id = 1, .special = true}, {.content = "[NEW]", .id = 2}}, true);
  CHECK(find_all(finder, "[SEP] [NEW]") == "2@6-11");
}

TEST_CASE("a text that is not UTF-8 does no harm; it is refused later") {
  const AddedToken token{
      .content = "ab", .single_word = true, .strip_left = true, .strip_right = true};
  for (const std::string_view text : {"\x80"
                                      "ab",
                                      "ab\xC3",
                                      "\xFF"
                                      "ab\xFF",
                                      "\x80\x80\x80"
                                      "ab"}) {
    CHECK(find_all(token, text).ends_with("ab") == false);
  }
}

TEST_CASE("normalised tokens are looked for in their normalised form") {
  const Normalizer uncased(NormalizerRules{});
  const AddedTokens tokens({{.content = "Étude", .id = 9, .normalized = true},
                            {.content = "[SEP]", .id = 3, .special = true}},
                           uncased, false);
  REQUIRE(tokens.in_normalized().has_value());
  CHECK(find_all(*tokens.in_normalized(), "an etude") == "9@3-8");
  CHECK(find_all(tokens.in_source(), "Étude [SEP]") == "3@7-12");
  CHECK(tokens.id("Étude") == 9);
  CHECK(tokens.content(9) == "Étude");
  CHECK(tokens.content(4).empty());
  CHECK(tokens.size() == 10);
  CHECK_FALSE(tokens.id("etude").has_value());
}

TEST_CASE("no tokens") {
  const AddedTokens none({}, Normalizer(NormalizerRules{}), false);
  CHECK_FALSE(none.in_normalized().has_value());
  CHECK(find_all(none.in_source(), "[SEP]") == "");
  CHECK(none.size() == 0);
}

}  // namespace
}  // namespace bertq::tokenizer
