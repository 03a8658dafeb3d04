#include "tokenizer/id_check.h"

#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer {

IdCheck::IdCheck(const Vocabulary& vocabulary) {
  ids_.reserve(vocabulary.tokens.size());
  tokens_.reserve(vocabulary.tokens.size());
  for (const Vocabulary::Token& token : vocabulary.tokens) {
    if (token.length == 0) continue;
    ids_[vocabulary.name(token)] = token.id;
    tokens_[token.id] = vocabulary.name(token);
  }
}

void IdCheck::add(std::string_view token, std::int64_t id, const std::string& place) {
  const auto [known_id, new_token] = ids_.emplace(token, id);
  const auto [known_token, new_id] = tokens_.emplace(id, token);
  if (known_id->second == id && known_token->second == token) return;
  const std::string expected =
      new_token ? "an id of its own" : "the id " + std::to_string(known_id->second);
  throw TokenizerError(place + ": expected \"" + std::string(token) + "\" to have " + expected +
                       ", got " + std::to_string(id));
}

void IdCheck::require(const Stated<std::string>& token) const {
  if (ids_.contains(token.value)) return;
  throw TokenizerError(token.source + ": expected a token of the vocabulary, got \"" + token.value +
                       '"');
}

}  // namespace bertq::tokenizer
