#include "tokenizer/word_splitter.h"

#include <doctest/doctest.h>

#include <string>

namespace bertq::tokenizer {
namespace {

// The words of `text` with a bar between them.
std::string split(std::string_view text, Profile profile = Profile::hf) {
  const WordSplitter splitter(profile);
  std::string words;
  std::size_t at = 0;
  while (const auto word = splitter.next(text, at, text.size())) {
    if (!words.empty()) words += '|';
    words += text.substr(word->begin, word->end - word->begin);
    at = word->end;
  }
  return words;
}

TEST_CASE("white space separates, punctuation stands alone") {
  CHECK(split("") == "");
  CHECK(split("   ") == "");
  CHECK(split("a") == "a");
  CHECK(split("  hello   world ") == "hello|world");
  CHECK(split("don't stop!!") == "don|'|t|stop|!|!");
  CHECK(split("$1.50") == "$|1|.|50");
  CHECK(split("a_b") == "a|_|b");
  CHECK(split("naïve\u3000café") == "naïve|café");
  CHECK(split("»quoted«") == "»|quoted|«");
  CHECK(split("a\u2E53b") == "a\u2E53b");
  CHECK(split("a\u2E53b", Profile::google) == "a|\u2E53|b");
}

TEST_CASE("it looks no further than asked") {
  const WordSplitter splitter(Profile::hf);
  CHECK(splitter.next("ab cd", 0, 1) == Word{0, 1});
  CHECK(splitter.next("ab cd", 2, 4) == Word{3, 4});
  CHECK_FALSE(splitter.next("ab cd", 2, 3).has_value());
}

}  // namespace
}  // namespace bertq::tokenizer
