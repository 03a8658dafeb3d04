#include "engine/squad/python_json.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

namespace bertq::engine {
namespace {

TEST_CASE("numbers as Python's repr() writes them") {
  struct Row {
    double value;
    std::string text;
  };
  const std::vector<Row> rows{
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {-2.5, "-2.5"},
      {0.1, "0.1"},
      {1.0 / 3, "0.3333333333333333"},
      {0.0001, "0.0001"},
      {0.00001, "1e-05"},
      {-1.5e-7, "-1.5e-07"},
      {1e15, "1000000000000000.0"},
      {1e16, "1e+16"},
      {9999999999999998.0, "9999999999999998.0"},
      {1.2345678901234567e17, "1.2345678901234566e+17"},
      {1e100, "1e+100"},
      {5e-324, "5e-324"},
      {std::numeric_limits<double>::max(), "1.7976931348623157e+308"},
      {2.0000000298023224, "2.0000000298023224"},
      {static_cast<double>(0.1F), "0.10000000149011612"},
      {9.5e-5, "9.5e-05"},
      {123456.0, "123456.0"},
  };
  for (const Row& row : rows) CHECK(python_number(row.value) == row.text);
}

TEST_CASE("strings in ASCII") {
  CHECK(python_string("a\"\\/\b\f\n\r\t\x01\x7F") == R"("a\"\\/\b\f\n\r\t\u0001\u007f")");
  CHECK(python_string("\xC3\xA9\xE2\x80\xA8\xF0\x9F\x9A\x8C") == R"("\u00e9\u2028\ud83d\ude8c")");
}

TEST_CASE("nesting, and empty objects") {
  PythonJson json;
  json.open('{');
  json.key("a");
  json.open('[');
  json.value("1");
  json.open('{');
  json.close();
  json.open('[');
  json.close();
  json.close();
  json.key("b");
  json.value(python_string("x"));
  json.close();
  CHECK(json.finish() ==
        "{\n    \"a\": [\n        1,\n        {},\n        []\n    ],\n    \"b\": \"x\"\n}\n");
  PythonJson empty;
  empty.open('{');
  empty.close();
  CHECK(empty.finish() == "{}\n");
}

}  // namespace
}  // namespace bertq::engine
