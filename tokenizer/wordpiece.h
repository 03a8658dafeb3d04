// WordPiece: a word to vocabulary pieces, the longest first from the left. A word of which any part
// is not in the vocabulary becomes one unknown token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/token_table.h"
#include "tokenizer/vocab.h"
#include "tokenizer/word_splitter.h"

namespace bertq::tokenizer {

struct WordPieceRules {
  std::int32_t unknown = 0;                   // the id of "[UNK]"
  std::string_view continuing_prefix = "##";  // what pieces that do not begin a word begin with
  std::size_t max_characters = 100;           // a longer word is unknown
};

// A piece and its bytes in the normalised text.
struct Piece {
  std::int32_t id = 0;
  Word bytes;
};

// Immutable; any number of threads may use one at once. Keeps a reference to the vocabulary.
class WordPiece {
 public:
  WordPiece(const Vocab& vocab, const WordPieceRules& rules);

  // Appends the pieces of text[word].
  void split(std::string_view text, Word word, std::vector<Piece>& pieces) const;

 private:
  bool too_long(std::string_view word) const;

  const TokenTable& beginnings_;
  TokenTable continuations_;  // without their prefix
  std::int32_t unknown_;
  std::size_t max_characters_;
};

}  // namespace bertq::tokenizer
