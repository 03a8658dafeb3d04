#include "tokenizer/json_reader.h"

#include <doctest/doctest.h>

#include <string>

#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer {
namespace {

TEST_CASE("what is not a tokenizer's JSON is refused with its place") {
  std::string wide = "[0";
  for (int i = 0; i < 1'000'000; ++i) wide += ",0";
  wide += "]";
  struct Case {
    std::string why;
    std::string bytes;
    const char* message;
  };
  const Case cases[] = {
      {"nothing", "", "f.json: byte offset 1: expected JSON"},
      {"cut short", R"({"a": [1, 2)", "f.json: byte offset 12: expected JSON"},
      {"a trailing comma", R"({"a": 1,})", "f.json: byte offset 9: expected JSON"},
      {"more after the end", R"({"a": 1} x)", "f.json: byte offset 10: expected JSON"},
      {"not UTF-8", "{\"a\": \"\xFF\"}", "f.json: byte offset 8: expected JSON"},
      {"a lone surrogate", R"({"a": "\ud800"})", "f.json: byte offset"},
      {"a number past all bounds", R"({"a": 1e999})", "f.json: expected JSON, got"},
      {"a key twice", R"({"a": {"b": 1, "c": 2, "b": 3}})",
       "f.json: a.b: expected a key once, got it twice"},
      {"very deep", std::string(100'000, '['), "nested deeper than 64"},
      {"very wide", wide, "more than a million values"},
  };
  for (const auto& [why, bytes, message] : cases) {
    CAPTURE(why);
    CHECK_THROWS_WITH_AS(parse_json(bytes, "f.json"), doctest::Contains(message), TokenizerError);
  }
}

TEST_CASE("what JSON allows is read") {
  CHECK(parse_json("\xEF\xBB\xBF{}", "f.json").empty());
  CHECK(
      parse_json(R"({"a": {"x": 1}, "b": {"x": 1}, "c": [{"x": 1}, {"x": 2}]})", "f.json").size() ==
      3);
}

TEST_CASE("a value says its place and what was expected of it") {
  const auto document = parse_json(
      R"({"flag": 1, "none": null, "big": 4294967296, "huge": 18446744073709551615, "minus": -1,
          "real": 1.0, "list": [{"name": 3}], "text": "1"})",
      "f.json");
  const JsonValue root(document, "f.json");
  const auto refused = [](auto ask, const std::string& message) {
    CHECK_THROWS_WITH_AS(ask(), message.c_str(), TokenizerError);
  };
  refused([&] { root.at("flag").as_bool(); }, "f.json: flag: expected true or false, got 1");
  refused([&] { root.at("absent"); }, "f.json: expected \"absent\", got none");
  refused([&] { root.at("none"); }, "f.json: expected \"none\", got none");
  const std::string range = "expected an integer from 0 to 9, got ";
  refused([&] { root.at("big").as_integer(0, 9); }, "f.json: big: " + range + "4294967296");
  refused([&] { root.at("huge").as_integer(0, 9); },
          "f.json: huge: " + range + "18446744073709551615");
  refused([&] { root.at("minus").as_integer(0, 9); }, "f.json: minus: " + range + "-1");
  refused([&] { root.at("real").as_integer(0, 9); }, "f.json: real: " + range + "1.0");
  refused([&] { root.at("text").as_integer(0, 9); }, "f.json: text: " + range + "\"1\"");
  refused([&] { root.at("list").elements()[0].at("name").as_string(); },
          "f.json: list[0].name: expected a string, got 3");
  refused([&] { root.at("list").find("name"); }, "f.json: list: expected an object, got an array");
  refused([&] { root.at("text").elements(); }, "f.json: text: expected an array, got \"1\"");
  CHECK_FALSE(root.find("none").has_value());
  CHECK(root.at("flag").as_integer(1, 1) == 1);
}

TEST_CASE("a sink takes the members of its object and of no other") {
  std::string taken;
  const MemberSink sink{{"model", "vocab"},
                        [&](const std::string& key, const nlohmann::json& value) {
                          taken += key + "=" + value.dump() + " ";
                        }};
  const auto document = parse_json(
      R"({"vocab": {"x": 0}, "model": {"a": {"vocab": {"y": 0}}, "vocab": {"b": 1, "c": 2, "b": 3},
          "z": 4}, "list": [{"vocab": {"v": 1}}]})",
      "f.json", &sink);
  CHECK(taken == "b=1 c=2 b=3 ");
  CHECK(document.dump() ==
        R"({"list":[{"vocab":{"v":1}}],"model":{"a":{"vocab":{"y":0}},"vocab":{},"z":4},)"
        R"("vocab":{"x":0}})");
  CHECK_THROWS_WITH_AS(parse_json(R"({"model": {"vocab": {"a": [1]}}})", "f.json", &sink),
                       "f.json: model.vocab.a: expected a number, got more", TokenizerError);
}

}  // namespace
}  // namespace bertq::tokenizer
