// Several places of a tokenizer's files give ids to tokens. They must agree: one id a token, one
// token an id.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "tokenizer/definition.h"

namespace bertq::tokenizer {

// Keeps references to the strings that it is given.
class IdCheck {
 public:
  // Of a token that the vocabulary has twice, the later id counts; both ids stay taken.
  explicit IdCheck(const Vocabulary& vocabulary);

  // `place` says that `token` has this id. Throws TokenizerError if something else is known.
  void add(std::string_view token, std::int64_t id, const std::string& place);

  // Throws TokenizerError if the token has no id.
  void require(const Stated<std::string>& token) const;

 private:
  std::unordered_map<std::string_view, std::int64_t> ids_;
  std::unordered_map<std::int64_t, std::string_view> tokens_;
};

}  // namespace bertq::tokenizer
