#include "tokenizer/vocab.h"

#include <doctest/doctest.h>

#include <string>

namespace bertq::tokenizer {
namespace {

TEST_CASE("tokens and ids, both ways, with gaps") {
  const Vocab vocab({{"b", 5}, {"a", 0}, {"", 3}});
  CHECK(vocab.size() == 6);
  CHECK(vocab.id("a") == 0);
  CHECK(vocab.id("b") == 5);
  CHECK(vocab.token(5) == "b");
  CHECK(vocab.token(3).empty());
  CHECK(vocab.token(6).empty());
  CHECK(vocab.token(-1).empty());
  CHECK_FALSE(vocab.id("").has_value());
  CHECK_FALSE(vocab.id("c").has_value());
}

TEST_CASE("of a token given twice both ids have its name, and the later is its id") {
  const Vocab vocab({{"a", 0}, {"b", 1}, {"a", 2}});
  CHECK(vocab.id("a") == 2);
  CHECK(vocab.token(0) == "a");
  CHECK(vocab.token(2) == "a");
}

TEST_CASE("it keeps its own copy of the strings") {
  std::string token = "word";
  const Vocab vocab({{token, 0}});
  token = "gone";
  CHECK(vocab.token(0) == "word");
  CHECK(vocab.id("word") == 0);
}

}  // namespace
}  // namespace bertq::tokenizer
