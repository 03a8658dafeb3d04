// tokenizer_config.json, special_tokens_map.json and added_tokens.json, which `transformers` writes
// beside a vocabulary.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/definition.h"

namespace bertq::tokenizer {

// What either file says of the tokenizer; the rest of its members is for others.
struct TokenizerConfig {
  Statements statements;
  // "added_tokens_decoder".
  std::vector<Stated<AddedToken>> added_tokens;
  // Special tokens beyond the roles of BERT: "additional_special_tokens".
  std::vector<Stated<std::string>> more_special_tokens;
  // Empty where not said.
  Fact<std::string> tokenizer_class;
};

// Names of special tokens may be strings or objects with "content". `file` stands for the file in
// messages. Throws TokenizerError naming file and key; also where the file asks for what is not
// BERT's tokenization ("do_basic_tokenize": false).
TokenizerConfig parse_tokenizer_config(std::string_view bytes, std::string_view file);

// added_tokens.json, of older checkpoints: {token: id}. Which of them are special the other files
// say: as `transformers` does, special ones are looked for as they are, others normalised.
std::vector<Stated<AddedToken>> parse_added_tokens(std::string_view bytes, std::string_view file,
                                                   const TokenizerConfig& config);

// Throws TokenizerError if `tokenizer_class` is known to be another tokenizer than BERT's.
void require_bert_tokenizer(const TokenizerConfig& config);

}  // namespace bertq::tokenizer
