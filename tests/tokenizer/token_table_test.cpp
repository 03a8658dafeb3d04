#include "tokenizer/token_table.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "support/random.h"

namespace bertq::tokenizer {
namespace {

TEST_CASE("the longest prefix wins") {
  TokenTable table(4);
  table.insert("un", 1);
  table.insert("unaff", 2);
  table.insert("unaffordable", 3);
  table.insert("한", 4);
  CHECK(table.longest_prefix("unaffable").id == 2);
  CHECK(table.longest_prefix("unaffable").length == 5);
  CHECK(table.longest_prefix("unaffordable").id == 3);
  CHECK(table.longest_prefix("unaf").id == 1);
  CHECK(table.longest_prefix("u").length == 0);
  CHECK(table.longest_prefix("").length == 0);
  CHECK(table.longest_prefix("한국").length == 3);
}

TEST_CASE("an empty table finds nothing") {
  const TokenTable table;
  CHECK(table.empty());
  CHECK(table.longest_prefix("a").length == 0);
  CHECK_FALSE(table.find("a").has_value());
}

TEST_CASE("a token given twice has its later id, an empty one none") {
  TokenTable table(3);
  table.insert("a", 1);
  table.insert("a", 7);
  table.insert("", 3);
  CHECK(table.find("a") == 7);
  CHECK_FALSE(table.find("").has_value());
}

TEST_CASE("it answers as std::map does on random strings") {
  bertq::testing::Random random(17);
  const auto random_string = [&] {
    std::string text(1 + random.below(6), 'a');
    for (char& c : text) c = static_cast<char>('a' + random.below(3));
    return text;
  };
  constexpr std::size_t count = 300;
  TokenTable table(count);
  std::map<std::string, std::int32_t> expected;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string token = random_string();
    table.insert(token, static_cast<std::int32_t>(i));
    expected[token] = static_cast<std::int32_t>(i);
  }
  for (int i = 0; i < 10'000; ++i) {
    const std::string text = random_string() + random_string();
    std::size_t length = text.size();
    while (length > 0 && !expected.contains(text.substr(0, length))) --length;
    const auto match = table.longest_prefix(text);
    REQUIRE(match.length == length);
    if (length > 0) REQUIRE(match.id == expected.at(text.substr(0, length)));
    const auto whole = expected.find(text);
    REQUIRE(table.find(text).has_value() == (whole != expected.end()));
  }
}

TEST_CASE("tokens as long as allowed are found") {
  TokenTable table(1);
  const std::string token(TokenTable::longest_allowed, 'x');
  table.insert(token, 5);
  CHECK(table.longest_prefix(token + "x").length == TokenTable::longest_allowed);
  CHECK(table.longest_prefix(token.substr(1)).length == 0);
}

}  // namespace
}  // namespace bertq::tokenizer
