// Several places of a tokenizer's files give ids to tokens. They must agree: one id a token, one
// token an id.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/definition.h"
#include "tokenizer/token_table.h"

namespace bertq::tokenizer {

// Keeps references to the strings that it is given.
class IdCheck {
 public:
  // Room for the vocabulary and `more` tokens. Of a token that the vocabulary has twice, the later
  // id counts; both ids stay taken.
  IdCheck(const Vocabulary& vocabulary, std::size_t more);
  // An empty one with room for `count` tokens.
  explicit IdCheck(std::size_t count) : ids_(count) {}

  // `place` says that `token` has this id, which is in [0, Vocab::max_size). Throws TokenizerError
  // if something else is known.
  void add(std::string_view token, std::int32_t id, const std::string& place);

  // Throws TokenizerError if the token has no id.
  void require(const Stated<std::string>& token) const;

 private:
  std::string_view& token_of(std::int32_t id);

  TokenTable ids_;
  std::vector<std::string_view> tokens_;  // by id; empty: not taken
};

}  // namespace bertq::tokenizer
