#include "tokenizer/id_check.h"

#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer {

IdCheck::IdCheck(const Vocabulary& vocabulary, std::size_t more)
    : ids_(vocabulary.tokens.size() + more) {
  for (const Vocabulary::Token& token : vocabulary.tokens) {
    if (token.length == 0) continue;
    ids_.insert(vocabulary.name(token), token.id);
    token_of(token.id) = vocabulary.name(token);
  }
}

std::string_view& IdCheck::token_of(std::int32_t id) {
  const auto index = static_cast<std::size_t>(id);
  if (index >= tokens_.size()) tokens_.resize(index + 1);
  return tokens_[index];
}

void IdCheck::add(std::string_view token, std::int32_t id, const std::string& place) {
  const auto refuse = [&](const std::string& expected) {
    return TokenizerError(place + ": expected \"" + std::string(token) + "\" to have " + expected +
                          ", got " + std::to_string(id));
  };
  const auto known = ids_.find(token);
  if (known && *known != id) throw refuse("the id " + std::to_string(*known));
  if (known) return;
  std::string_view& owner = token_of(id);
  if (!owner.empty()) {
    throw refuse("an id of its own, not that of \"" + std::string(owner) + '"');
  }
  ids_.insert(token, id);
  owner = token;
}

void IdCheck::require(const Stated<std::string>& token) const {
  if (ids_.find(token.value)) return;
  throw TokenizerError(token.source + ": expected a token of the vocabulary, got \"" + token.value +
                       '"');
}

}  // namespace bertq::tokenizer
