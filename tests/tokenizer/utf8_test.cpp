#include "tokenizer/utf8.h"

#include <doctest/doctest.h>

#include <string>

namespace bertq::tokenizer {
namespace {

using namespace std::string_view_literals;

TEST_CASE("every code point survives the way there and back") {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, c);
    const Decoded forwards = decode_utf8(text, 0);
    const Decoded backwards = decode_utf8_before(text, text.size());
    const bool same = forwards.code_point == c && forwards.length == text.size() &&
                      backwards.code_point == c && backwards.length == text.size();
    if (!same) FAIL("code point " << std::uint32_t{c});
  }
}

TEST_CASE("the first byte that is not UTF-8 is found") {
  struct Case {
    std::string why;
    std::string_view text;
    std::optional<std::size_t> bad;
  };
  const Case cases[] = {
      {"nothing", "", std::nullopt},
      {"ASCII with NUL", "a\0b"sv, std::nullopt},
      {"all lengths", "aé한😀", std::nullopt},
      {"a lone continuation byte", "ab\x80", 2},
      {"a lead byte at the end", "ab\xC3", 2},
      {"a sequence cut short", "é\xE4\xB8 x", 2},
      {"two bytes for ASCII", "\xC1\x81", 0},
      {"three bytes for U+07FF", "\xE0\x9F\xBF", 0},
      {"four bytes for U+FFFF", "\xF0\x8F\xBF\xBF", 0},
      {"the first surrogate", "a\xED\xA0\x80", 1},
      {"the last surrogate", "a\xED\xBF\xBF", 1},
      {"U+110000", "\xF4\x90\x80\x80", 0},
      {"a byte that is never used", "abc\xFF", 3},
      {"Latin-1", "caf\xE9 ole", 3},
  };
  for (const auto& [why, text, bad] : cases) {
    CAPTURE(why);
    CHECK(find_invalid_utf8(text) == bad);
  }
}

TEST_CASE("code points are counted, not bytes") {
  CHECK(count_code_points("") == 0);
  CHECK(count_code_points("aé한😀") == 4);
}

}  // namespace
}  // namespace bertq::tokenizer
