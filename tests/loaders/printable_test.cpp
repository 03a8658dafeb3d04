#include "loaders/printable.h"

#include <doctest/doctest.h>

#include <vector>

namespace bertq::loaders {
namespace {

TEST_CASE("nothing that breaks a line or steers a terminal passes") {
  struct Row {
    std::string text, expected;
  };
  const std::vector<Row> rows{
      {"", ""},
      {"bert.pooler", "bert.pooler"},
      {"a\nb\tc", "a\\x0ab\\x09c"},
      {"\x1b[31m", "\\x1b[31m"},
      {"\x7f", "\\x7f"},
      {"a\\b", "a\\\\b"},
      {std::string("\0", 1), "\\x00"},
      {"gr\u00fcn \u65e5 \U0001F600", "gr\u00fcn \u65e5 \U0001F600"},
      {"\xc2\x85", "\\xc2\\x85"},  // NEL, a C1 control character
      {"\xff\xc3", "\\xff\\xc3"},  // not UTF-8
      {"\xe6\x97", "\\xe6\\x97"},  // cut off
      {"\x80z", "\\x80z"},         // begins in the middle
      {std::string(121, 'x'), std::string(120, 'x') + "..."},
      {std::string(120, 'x'), std::string(120, 'x')},
  };
  for (const Row& row : rows) CHECK(printable(row.text) == row.expected);
}

}  // namespace
}  // namespace bertq::loaders
