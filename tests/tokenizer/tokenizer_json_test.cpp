#include "tokenizer/tokenizer_json.h"

#include <doctest/doctest.h>

#include <string>

#include "tokenizer/json_files.h"
#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer::testing {
namespace {

TEST_CASE("a good file is read whole") {
  const Definition definition = parse_tokenizer_json(kGoodTokenizerJson, "t.json");
  REQUIRE(definition.vocabulary.tokens.size() == 7);
  CHECK(definition.vocabulary.name(definition.vocabulary.tokens[6]) == "##b");
  CHECK(definition.statements.lower_case->value);
  CHECK(definition.statements.lower_case->source == "t.json: normalizer.lowercase");
  CHECK_FALSE(definition.statements.strip_accents.has_value());
  CHECK(definition.statements.names[kUnknown]->value == "[UNK]");
  CHECK(definition.statements.names[kClassify]->value == "[CLS]");
  CHECK(definition.statements.names[kSeparate]->value == "[SEP]");
  CHECK(definition.added_tokens.size() == 2);
  CHECK(definition.continuing_prefix == "##");
  CHECK(definition.max_characters == 100);
}

TEST_CASE("what the file may say otherwise is honoured") {
  CHECK(parse_tokenizer_json(
            good_json_but("\"max_input_chars_per_word\": 100", "\"max_input_chars_per_word\": 7"),
            "t.json")
            .max_characters == 7);
  CHECK(parse_tokenizer_json(good_json_but("\"continuing_subword_prefix\": \"##\"",
                                           "\"continuing_subword_prefix\": \"@\""),
                             "t.json")
            .continuing_prefix == "@");
  CHECK_FALSE(
      parse_tokenizer_json(good_json_but("\"clean_text\": true", "\"clean_text\": false"), "t.json")
          .statements.clean_text->value);
  CHECK_FALSE(parse_tokenizer_json(
                  good_json_but("\"strip_accents\": null", "\"strip_accents\": false"), "t.json")
                  .statements.strip_accents->value);
  // As the first versions of `tokenizers` wrote the model.
  CHECK_NOTHROW(
      parse_tokenizer_json(good_json_but("\"type\": \"WordPiece\", \"unk", "\"unk"), "t.json"));
  // Ids may leave gaps.
  CHECK_NOTHROW(parse_tokenizer_json(good_json_but("\"##b\": 6", "\"##b\": 60"), "t.json"));
}

TEST_CASE("the older post-processor means the same") {
  std::string text(kGoodTokenizerJson);
  const std::size_t begin = text.find("{\"type\": \"TemplateProcessing\"");
  const std::size_t end = text.find("  \"decoder\"");
  REQUIRE(begin != std::string::npos);
  text.replace(begin, end - begin,
               R"({"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},)");
  const Definition definition = parse_tokenizer_json(text, "t.json");
  CHECK(definition.statements.names[kClassify]->value == "[CLS]");
}

TEST_CASE("what is not BERT's tokenizer is refused by name") {
  struct Case {
    std::string why, from, to, message;
  };
  const Case cases[] = {
      {"another model", "\"type\": \"WordPiece\", \"unk", "\"type\": \"BPE\", \"unk",
       "t.json: model.type: expected \"WordPiece\", the only one of BERT, got \"BPE\""},
      {"no model", "\"model\"", "\"mode\"", "t.json: expected \"model\", got none"},
      {"another normaliser", "BertNormalizer", "NFKC",
       "t.json: normalizer.type: expected \"BertNormalizer\", the only one of BERT, got \"NFKC\""},
      {"another pre-tokenizer", "BertPreTokenizer", "Whitespace",
       "t.json: pre_tokenizer.type: expected \"BertPreTokenizer\", the only one of BERT, got "
       "\"Whitespace\""},
      {"another post-processor", "TemplateProcessing", "RobertaProcessing",
       "t.json: post_processor.type: expected \"TemplateProcessing\" or \"BertProcessing\", got "
       "\"RobertaProcessing\""},
      {"another template", "{\"Sequence\": {\"id\": \"B\", \"type_id\": 1}}",
       "{\"Sequence\": {\"id\": \"B\", \"type_id\": 0}}",
       "t.json: post_processor.pair: expected [CLS] A [SEP] of type 0, B [SEP] of type 1, got an "
       "array"},
      {"no limit", "\"max_input_chars_per_word\": 100", "\"max_input_chars_per_word\": 0",
       "t.json: model.max_input_chars_per_word: expected an integer from 1 to 10000, got 0"},
      {"no unknown token", "\"unk_token\": \"[UNK]\"", "\"unk_token\": null",
       "t.json: model: expected \"unk_token\", got none"},
      {"a negative id", "\"a\": 5", "\"a\": -5",
       "t.json: model.vocab.\"a\": expected an integer from 0 to 4194303, got -5"},
      {"an id past 32 bits", "\"a\": 5", "\"a\": 4294967296",
       "t.json: model.vocab.\"a\": expected an integer from 0 to 4194303, got 4294967296"},
      {"an id that is no integer", "\"a\": 5", "\"a\": 5.0",
       "t.json: model.vocab.\"a\": expected an integer from 0 to 4194303, got 5.0"},
      {"an id twice", "\"a\": 5", "\"a\": 6",
       "t.json: model.vocab: expected \"##b\" to have an id of its own, not that of \"a\", got 6"},
      {"a token twice", "\"a\": 5", "\"a\": 5, \"a\": 9",
       "t.json: model.vocab: expected \"a\" to have the id 5, got 9"},
      {"no tokens", "\"vocab\": {", "\"vocab\": {}, \"other\": {",
       "t.json: model.vocab: expected tokens, got none"},
      {"an added token with another id", "\"id\": 3, \"special\"", "\"id\": 30, \"special\"",
       "t.json: added_tokens: expected \"[SEP]\" to have the id 3, got 30"},
      {"an added token with another's id", "\"content\": \"[SEP]\"", "\"content\": \"[NEW]\"",
       "t.json: added_tokens: expected \"[NEW]\" to have an id of its own, not that of \"[SEP]\", "
       "got 3"},
      {"a special token with another id", "\"ids\": [2]", "\"ids\": [4]",
       "t.json: post_processor.single[0].SpecialToken.id: expected \"[CLS]\" to have the id 2, got "
       "4"},
      {"a flag that is none", "\"lowercase\": true", "\"lowercase\": \"yes\"",
       "t.json: normalizer.lowercase: expected true or false, got \"yes\""},
      {"a key twice", "\"lowercase\": true", "\"lowercase\": true, \"lowercase\": false",
       "t.json: normalizer.lowercase: expected a key once, got it twice"},
  };
  for (const auto& [why, from, to, message] : cases) {
    CAPTURE(why);
    CHECK_THROWS_WITH_AS(parse_tokenizer_json(good_json_but(from, to), "t.json"), message.c_str(),
                         TokenizerError);
  }
}

TEST_CASE("a file cut short anywhere is refused") {
  for (std::size_t size = 0; size < kGoodTokenizerJson.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS(parse_tokenizer_json(kGoodTokenizerJson.substr(0, size), "t.json"),
                    TokenizerError);
  }
}

}  // namespace
}  // namespace bertq::tokenizer::testing
