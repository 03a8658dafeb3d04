#include "loaders/utf8.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace bertq::loaders {
namespace {

std::string encoded(unsigned code_point, int bytes) {
  std::string text;
  if (bytes == 1) return {static_cast<char>(code_point)};
  for (int i = bytes - 1; i > 0; --i) {
    text.insert(text.begin(), static_cast<char>(0x80U | (code_point & 0x3FU)));
    code_point >>= 6U;
  }
  const unsigned lead = 0xFF00U >> static_cast<unsigned>(bytes) & 0xFFU;
  return static_cast<char>(lead | code_point) + text;
}

TEST_CASE("every code point in its shortest form is text, in a longer one it is not") {
  constexpr unsigned last_of_bytes[] = {0x7F, 0x7FF, 0xFFFF, 0x1F'FFFF};
  for (unsigned code_point = 0; code_point < 0x11'1000; ++code_point) {
    int shortest = 1;
    while (code_point > last_of_bytes[shortest - 1]) ++shortest;
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    const bool valid = !surrogate && code_point <= 0x10'FFFF;
    if (is_utf8(encoded(code_point, shortest)) != valid) FAIL("U+", code_point);
    if (shortest < 4 && is_utf8(encoded(code_point, shortest + 1))) FAIL("overlong ", code_point);
  }
}

TEST_CASE("torn sequences are no text") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("a\xC3\xA4\xF0\x9F\x98\x80z"));
  for (const std::string_view text : {"\x80", "a\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xC3z",
                                      "\xE2\x82z", "\xFF", "\xF8\x88\x80\x80\x80"}) {
    CAPTURE(text);
    CHECK(!is_utf8(text));
  }
}

}  // namespace
}  // namespace bertq::loaders
