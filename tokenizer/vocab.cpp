#include "tokenizer/vocab.h"

#include <algorithm>

namespace bertq::tokenizer {

Vocab::Vocab(const std::vector<VocabEntry>& entries) : table_(entries.size()) {
  std::int32_t largest = -1;
  std::size_t bytes = 0;
  for (const auto& [token, id] : entries) {
    largest = std::max(largest, id);
    bytes += token.size();
  }
  tokens_.resize(static_cast<std::size_t>(largest + 1));
  bytes_.reserve(bytes);
  for (const auto& [token, id] : entries) {
    tokens_[static_cast<std::size_t>(id)] = {static_cast<std::uint32_t>(bytes_.size()),
                                             static_cast<std::uint32_t>(token.size())};
    bytes_ += token;
    table_.insert(token, id);
  }
}

std::string_view Vocab::token(std::int32_t id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= tokens_.size()) return {};
  const auto [offset, length] = tokens_[static_cast<std::size_t>(id)];
  return std::string_view(bytes_).substr(offset, length);
}

}  // namespace bertq::tokenizer
