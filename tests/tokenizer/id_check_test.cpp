#include "tokenizer/id_check.h"

#include <doctest/doctest.h>

#include "tokenizer/tokenizer.h"
#include "tokenizer/vocab_txt.h"

namespace bertq::tokenizer {
namespace {

TEST_CASE("one id a token, one token an id") {
  const Vocabulary vocabulary = parse_vocab_txt("a\n\nb\na\n", "vocab.txt");
  IdCheck ids(vocabulary, 4);
  CHECK_NOTHROW(ids.add("b", 2, "here"));
  CHECK_NOTHROW(ids.add("a", 3, "here"));  // the later of its two lines
  CHECK_NOTHROW(ids.add("new", 7, "here"));
  CHECK_NOTHROW(ids.add("in the gap", 1, "here"));
  CHECK_THROWS_WITH_AS(ids.add("a", 0, "here"), "here: expected \"a\" to have the id 3, got 0",
                       TokenizerError);
  CHECK_THROWS_WITH_AS(
      ids.add("other", 0, "here"),
      "here: expected \"other\" to have an id of its own, not that of \"a\", got 0",
      TokenizerError);
  CHECK_THROWS_WITH_AS(
      ids.add("other", 7, "here"),
      "here: expected \"other\" to have an id of its own, not that of \"new\", got 7",
      TokenizerError);
  CHECK_NOTHROW(ids.require({"new", "there"}));
  CHECK_THROWS_WITH_AS(ids.require({"absent", "there"}),
                       "there: expected a token of the vocabulary, got \"absent\"", TokenizerError);
}

}  // namespace
}  // namespace bertq::tokenizer
