#include "tokenizer/final_sigma.h"

#include <doctest/doctest.h>

#include <string>

namespace bertq::tokenizer {
namespace {

// The first sigma of `text`.
bool is_final(const std::string& text) {
  const std::size_t at = text.find("Σ");
  return is_final_sigma(text, at, at + 2, Profile::google);
}

TEST_CASE("a sigma is final after a cased letter and before none, as Python's str.lower() has it") {
  struct Case {
    std::string why;
    std::string text;
    bool final;
  };
  const Case cases[] = {
      {"the end of a word", "ΟΣ", true},
      {"a word of its own", "Σ", false},
      {"the start of a word", "ΣΟ", false},
      {"the middle", "ΟΣΟ", false},
      {"before a space", "ΟΣ Ο", true},
      {"after a space", "Ο Σ", false},
      {"an apostrophe is looked through", "Ο'Σ'Ο", false},
      {"at the end too", "Ο'Σ'", true},
      {"a digit is not cased", "1Σ", false},
      {"but ends the word", "ΟΣ1", true},
      {"a hyphen ends the word", "ΟΣ-Ο", true},
      {"combining accents are looked through", "Ο\u0301Σ\u0301", true},
      {"what cleaning drops is not there", "Ο\x01Σ\x01Ο", false},
      {"an ideograph stands apart", "Ο龍Σ", false},
      {"and after", "ΟΣ龍Ο", true},
  };
  for (const auto& [why, text, expected] : cases) {
    CAPTURE(why);
    CHECK(is_final(text) == expected);
  }
}

}  // namespace
}  // namespace bertq::tokenizer
