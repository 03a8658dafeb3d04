#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "texts.h"

namespace bertq::testing {
namespace {

TEST_CASE("ids, segments, spans and tokens") {
  const Tokenizer tokenizer = Model::load(Sample::paraphrases).tokenizer();
  const std::string text = "The Town said:", pair = "ten people";
  const Encoding encoding = tokenizer.encode(text, pair);
  std::vector<std::string> tokens;
  for (const std::int32_t id : encoding.ids) tokens.emplace_back(tokenizer.token(id));
  REQUIRE(encoding.segments.size() == tokens.size());
  REQUIRE(encoding.spans.size() == tokens.size());
  CHECK(tokens.front() == "[CLS]");
  CHECK(tokens.back() == "[SEP]");
  CHECK(encoding.spans.front() == ByteSpan{0, 0});
  std::string seen[2];
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto [begin, end] = encoding.spans[i];
    const std::string& source = encoding.segments[i] == 0 ? text : pair;
    seen[encoding.segments[i]] += source.substr(begin, end - begin);
  }
  CHECK(seen[0] == "TheTownsaid:");
  CHECK(seen[1] == "tenpeople");
  CHECK(tokenizer.id("[CLS]") == encoding.ids.front());
  CHECK_FALSE(tokenizer.id("no such token"));
  CHECK(tokenizer.token(-1).empty());
  CHECK(tokenizer.token(1 << 30).empty());
  CHECK(tokenizer.vocabulary() == 2000);
}

TEST_CASE("truncation, and what cannot be encoded") {
  const Tokenizer tokenizer = Tokenizer::load(BERTQ_TEST_SAMPLE "/vocab.txt");
  const Encoding cut = tokenizer.encode("people people people", "ten ten", 6);
  CHECK(cut.ids.size() == 6);
  CHECK(cut.truncated);
  CHECK(error_of([&] { tokenizer.encode("a", "b", 2); }).starts_with("2 max_tokens"));
  CHECK(error_of([&] { tokenizer.encode("ab\xc3"); }).starts_with("3 text: byte offset 2"));
  CHECK(error_of([] { Tokenizer::load("/no/such/vocab.txt"); }).starts_with("3 /no/such"));
  CHECK(Tokenizer::load(BERTQ_TEST_SAMPLE).vocabulary() == 2000);
  const Tokenizer cased = Tokenizer::load(BERTQ_TEST_SAMPLE, false);
  CHECK(cased.encode("The").ids != tokenizer.encode("The").ids);
}

}  // namespace
}  // namespace bertq::testing
