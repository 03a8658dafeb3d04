#include "engine/task/utf8.h"

#include <doctest/doctest.h>

#include <string>

namespace bertq::engine {
namespace {

using namespace std::string_view_literals;

struct Case {
  std::string what;
  std::string_view text;
  std::optional<std::size_t> bad;
};

TEST_CASE("find_invalid_utf8 tells the first bad byte") {
  const Case cases[] = {
      {"empty", "", std::nullopt},
      {"ASCII with NUL", "a\0b"sv, std::nullopt},
      {"first and last of each length",
       "\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", std::nullopt},
      {"around the surrogates", "\xED\x9F\xBF\xEE\x80\x80", std::nullopt},
      {"a lone continuation byte", "ab\x80", 2},
      {"a lead byte at the end", "ab\xC3", 2},
      {"three of four bytes", "\xF0\x9F\x98", 0},
      {"an overlong slash of two bytes", "a\xC0\xAF", 1},
      {"an overlong one of three", "\xE0\x9F\xBF", 0},
      {"an overlong one of four", "\xF0\x8F\xBF\xBF", 0},
      {"a surrogate", "x\xED\xA0\x80", 1},
      {"above U+10FFFF", "\xF4\x90\x80\x80", 0},
      {"a byte that never occurs", "abc\xFF", 3},
      {"a good character before a broken one", "\xC3\xA9\xC3(", 2},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    CHECK(find_invalid_utf8(c.text) == c.bad);
  }
}

}  // namespace
}  // namespace bertq::engine
