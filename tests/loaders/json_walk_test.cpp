#include "loaders/json_walk.h"

#include <doctest/doctest.h>

#include <vector>

#include "loaders/byte_source.h"
#include "support/thrown_message.h"

namespace bertq::loaders {
namespace {

// Writes down what it sees, a word for each event.
class Recorder final : public JsonVisitor {
 public:
  void value(std::span<const std::string> path, bool in_array, const JsonValue& value) override {
    events += joined(path) + (in_array ? "[]" : "") + "=" + described(value) + "; ";
  }
  void end(std::span<const std::string> path) override { events += joined(path) + " ends; "; }

  std::string events;

 private:
  static std::string joined(std::span<const std::string> path) {
    std::string text = "$";
    for (const std::string& key : path) text += "." + key;
    return text;
  }
};

std::string events_of(std::string_view text) {
  Recorder recorder;
  walk_json(text, {"f", 0}, recorder);
  return recorder.events;
}

TEST_CASE("every value comes with its path") {
  CHECK(events_of(R"({"a":{"b":[1,"x",[]],"c":-3},"d":1.50})") ==
        "$=an object; $.a=an object; $.a.b=an array; $.a.b[]=1; $.a.b[]=the string 'x'; "
        "$.a.b[]=an array; $.a.b ends; $.a.b ends; $.a.c=-3; $.a ends; $.d=1.50; $ ends; ");
  CHECK(events_of("18446744073709551615") == "$=18446744073709551615; ");
  CHECK(events_of("18446744073709551616") == "$=18446744073709551616; ");
  CHECK(events_of("[null,true,false]") == "$=an array; $[]=null; $[]=true; $[]=false; $ ends; ");
}

TEST_CASE("a reader may allow deeper nesting and shorter values") {
  Recorder recorder;
  walk_json("[[[[[[\"abcd\"]]]]]]", {"f", 0}, recorder, {6, 4});
  CHECK(recorder.events.find("abcd") != std::string::npos);
  CHECK_THROWS_WITH(walk_json("[[[[[[[]]]]]]]", {"f", 0}, recorder, {6, 4}),
                    "f: expected JSON of at most 6 levels, got more");
  CHECK_THROWS_WITH(walk_json("[\"abcde\"]", {"f", 0}, recorder, {6, 4}),
                    "f: byte 2: expected strings and numbers of at most 4 bytes, got 5");
}

TEST_CASE("only plain non-negative integers are natural") {
  class Kind final : public JsonVisitor {
   public:
    void value(std::span<const std::string>, bool, const JsonValue& value) override {
      kind = value.kind;
    }
    void end(std::span<const std::string>) override {}
    JsonKind kind = JsonKind::object;
  };
  for (const std::string_view text : {"-1", "-0", "1.0", "1e3", "18446744073709551616"}) {
    CAPTURE(text);
    Kind visitor;
    walk_json(text, {"f", 0}, visitor);
    CHECK(visitor.kind == JsonKind::other);
  }
}

TEST_CASE("what is not JSON is refused with its offset in the file") {
  struct Row {
    std::string text, complaint;
  };
  const std::string nested(10'000, '[');
  const std::string long_string = "[\"" + std::string(json_token_limit + 1, 'x') + "\"]";
  const std::vector<Row> rows{
      {"", "byte 8: expected JSON in UTF-8, got the end"},
      {"{\"a\":1,}", "byte 15: expected JSON in UTF-8, got '}'"},
      {"{\"a\" 1}", "byte 13: expected JSON in UTF-8, got '1'"},
      {"[1] x", "byte 12: expected JSON in UTF-8, got 'x'"},
      {"{\"a\":\"b", "byte 15: expected JSON in UTF-8, got the end"},
      {"[\"\xff\"]", "byte 10: expected JSON in UTF-8, got '\\xff'"},
      {R"(["\ud800"])", "byte 16: expected JSON in UTF-8, got '\"'"},
      {"[1e999]", "byte 13: expected a smaller number before it"},
      {nested, "expected JSON of at most 4 levels, got more"},
      {std::string(json_token_limit + 1, '1'),
       "byte 8: expected strings and numbers of at most 1048576 bytes, got 1048577"},
      {long_string, "byte 10: expected strings and numbers of at most 1048576 bytes, got 1048577"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text.substr(0, 20));
    Recorder recorder;
    CHECK(testing::thrown_message<FormatError>([&] {
            walk_json(row.text, {"f", 8}, recorder);
          }) == "f: " + row.complaint);
  }
}

TEST_CASE("a string of just the limit passes, whatever it escapes") {
  const std::string quotes = "[\"" + std::string(json_token_limit - 2, 'x') + "\\\"\", \"y\"]";
  CHECK(events_of(quotes).ends_with("$[]=the string 'y'; $ ends; "));
}

}  // namespace
}  // namespace bertq::loaders
