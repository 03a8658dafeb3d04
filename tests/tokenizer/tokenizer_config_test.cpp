#include "tokenizer/tokenizer_config.h"

#include <doctest/doctest.h>

#include <string>

#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer {
namespace {

TEST_CASE("names may be strings or objects, flags may be absent or null") {
  const TokenizerConfig config = parse_tokenizer_config(
      R"({"do_lower_case": false, "strip_accents": null, "tokenize_chinese_chars": true,
          "unk_token": "<unk>", "cls_token": {"content": "<s>", "lstrip": false},
          "additional_special_tokens": ["<x>", {"content": "<y>"}],
          "added_tokens_decoder": {"7": {"content": "<x>", "special": true, "lstrip": true},
                                   "8": {"content": "word", "normalized": true}},
          "tokenizer_class": "BertTokenizer", "model_max_length": 512, "other": [1, {"a": 2}]})",
      "c.json");
  const Statements& statements = config.statements;
  CHECK_FALSE(statements.lower_case->value);
  CHECK_FALSE(statements.strip_accents.has_value());
  CHECK(statements.split_chinese_characters->value);
  CHECK(statements.names[kUnknown]->value == "<unk>");
  CHECK(statements.names[kClassify]->value == "<s>");
  CHECK_FALSE(statements.names[kSeparate].has_value());
  REQUIRE(config.more_special_tokens.size() == 2);
  CHECK(config.more_special_tokens[0].value == "<x>");
  CHECK(config.more_special_tokens[1].value == "<y>");
  REQUIRE(config.added_tokens.size() == 2);
  CHECK(config.added_tokens[0].value.id == 7);
  CHECK(config.added_tokens[0].value.special);
  CHECK(config.added_tokens[0].value.strip_left);
  CHECK_FALSE(config.added_tokens[1].value.special);
  CHECK(config.added_tokens[1].value.normalized);
  CHECK_NOTHROW(require_bert_tokenizer(config));
}

TEST_CASE("what cannot be honoured is refused") {
  struct Case {
    std::string text, message;
  };
  const Case cases[] = {
      {R"([])", "c.json: expected an object, got an array"},
      {R"({"do_lower_case": 1})", "c.json: do_lower_case: expected true or false, got 1"},
      {R"({"strip_accents": "no"})", "c.json: strip_accents: expected true or false, got \"no\""},
      {R"({"unk_token": 5})", "c.json: unk_token: expected an object, got 5"},
      {R"({"unk_token": {"text": "x"}})", "c.json: unk_token: expected \"content\", got none"},
      {R"({"do_basic_tokenize": false})", "c.json: do_basic_tokenize: expected true, got false"},
      {R"({"added_tokens_decoder": {"-1": {"content": "x"}}})",
       "c.json: added_tokens_decoder.-1: expected an id from 0 to 4194303 as key, got \"-1\""},
      {R"({"added_tokens_decoder": {"4294967296": {"content": "x"}}})",
       "c.json: added_tokens_decoder.4294967296: expected an id from 0 to 4194303 as key, got "
       "\"4294967296\""},
      {R"({"additional_special_tokens": "x"})",
       "c.json: additional_special_tokens: expected an array, got \"x\""},
  };
  for (const auto& [text, message] : cases) {
    CHECK_THROWS_WITH_AS(parse_tokenizer_config(text, "c.json"), message.c_str(), TokenizerError);
  }
}

TEST_CASE("another tokenizer's class is refused") {
  const auto config =
      parse_tokenizer_config(R"({"tokenizer_class": "BertJapaneseTokenizer"})", "c.json");
  CHECK_THROWS_WITH_AS(require_bert_tokenizer(config),
                       "c.json: tokenizer_class: expected BertTokenizer or one like it, got "
                       "\"BertJapaneseTokenizer\"",
                       TokenizerError);
}

}  // namespace
}  // namespace bertq::tokenizer
