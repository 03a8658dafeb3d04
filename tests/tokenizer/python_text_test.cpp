// What Python 3.11 says of the same texts; tests/data/squad/comparisons.json holds more.

#include "tokenizer/python_text.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace bertq::tokenizer {
namespace {

TEST_CASE("lower case as str.lower() has it") {
  struct Row {
    std::string text, lowered;
  };
  const std::vector<Row> rows{
      {"", ""},
      {"THE Cat [1]", "the cat [1]"},
      {"\u00c9\u1e9e", "\u00e9\u00df"},
      {"\u0130", "i\u0307"},
      // The final sigma: after a letter, and no letter after it; what is no letter is looked
      // through.
      {"\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"},
      {"\u039f\u03a3'", "\u03bf\u03c2'"},
      {"\u039f\u03a3a", "\u03bf\u03c3a"},
      {"\u03a3", "\u03c3"},
      {"\u2126\u212a", "\u03c9k"},
      {"\U00010400", "\U00010428"},
      {std::string(1000, 'A') + "\u0130", std::string(1000, 'a') + "i\u0307"},
  };
  for (const Row& row : rows) CHECK(python_lower(row.text) == row.lowered);
}

TEST_CASE("white space as str.split() has it") {
  for (const char32_t space : {0x09U, 0x0BU, 0x0DU, 0x1CU, 0x1FU, 0x20U, 0x85U, 0xA0U, 0x1680U,
                               0x2000U, 0x200AU, 0x2028U, 0x2029U, 0x202FU, 0x205FU, 0x3000U}) {
    CHECK(is_python_space(space));
  }
  for (const char32_t other :
       {0x08U, 0x0EU, 0x1BU, 0x21U, 0x84U, 0x180EU, 0x200BU, 0x2060U, 0xFEFFU}) {
    CHECK_FALSE(is_python_space(other));
  }
  CHECK(collapse_python_spaces(" \t a\u00a0\u2028 b \x1F") == "a b");
  CHECK(collapse_python_spaces("\u3000") == "");
  CHECK(collapse_python_spaces("a\u200bb") == "a\u200bb");
}

TEST_CASE("words as \\w has them") {
  // Letters, digits of any script, fractions, numerals, and the underscore.
  for (const char32_t word : {U'a', U'Z', U'0', U'_', U'\u00e9', U'\u4e00', U'\u0660', U'\u00bd',
                              U'\u00b2', U'\u2160', U'\u3007', U'\u02b0', U'\U0001d7d8'}) {
    CHECK(is_python_word(word));
  }
  // No marks, no other connectors.
  for (const char32_t other :
       {U' ', U'-', U'\u0301', U'\u0903', U'\u203f', U'\u200d', U'\u2019', U'\U0001f68c'}) {
    CHECK_FALSE(is_python_word(other));
  }
}

}  // namespace
}  // namespace bertq::tokenizer
