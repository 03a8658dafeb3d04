#include "tokenizer/wordpiece.h"

#include "tokenizer/utf8.h"

namespace bertq::tokenizer {
namespace {

TokenTable collect_continuations(const Vocab& vocab, std::string_view prefix) {
  std::vector<VocabEntry> found;
  for (std::int32_t id = 0; id < static_cast<std::int32_t>(vocab.size()); ++id) {
    const std::string_view token = vocab.token(id);
    // An id that lost its token to a later line has the name but is never given out.
    if (token.starts_with(prefix) && vocab.id(token) == id) {
      found.push_back({token.substr(prefix.size()), id});
    }
  }
  TokenTable table(found.size());
  for (const auto& [token, id] : found) table.insert(token, id);
  return table;
}

}  // namespace

WordPiece::WordPiece(const Vocab& vocab, const WordPieceRules& rules)
    : beginnings_(vocab.table()),
      continuations_(collect_continuations(vocab, rules.continuing_prefix)),
      unknown_(rules.unknown),
      max_characters_(rules.max_characters) {}

bool WordPiece::too_long(std::string_view word) const {
  return word.size() > max_characters_ && count_code_points(word) > max_characters_;
}

void WordPiece::split(std::string_view text, Word word, std::vector<Piece>& pieces) const {
  const std::size_t before = pieces.size();
  const TokenTable* table = &beginnings_;
  if (!too_long(text.substr(word.begin, word.end - word.begin))) {
    std::size_t at = word.begin;
    while (at < word.end) {
      const auto [id, length] = table->longest_prefix(text.substr(at, word.end - at));
      if (length == 0) break;
      pieces.push_back({id, {at, at + length}});
      at += length;
      table = &continuations_;
    }
    if (at == word.end) return;
  }
  pieces.resize(before);
  pieces.push_back({unknown_, word});
}

}  // namespace bertq::tokenizer
