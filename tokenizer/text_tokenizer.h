// One text to tokens: the steps of this room, one after the other.
//
//   text -> added tokens apart -> normalised -> words -> pieces
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/definition.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/vocab.h"
#include "tokenizer/word_splitter.h"
#include "tokenizer/wordpiece.h"

namespace bertq::tokenizer {

struct Token {
  std::int32_t id = 0;
  Span span;
};

// Immutable; any number of threads may use one at once.
class TextTokenizer {
 public:
  // Throws TokenizerError if the vocabulary lacks the unknown token.
  TextTokenizer(const Definition& definition, const Options& options);
  // Its parts refer to each other.
  TextTokenizer(const TextTokenizer&) = delete;
  TextTokenizer& operator=(const TextTokenizer&) = delete;

  // Storage that is used again from one text to the next.
  struct Scratch {
    NormalizedText normalized;
    std::vector<Piece> pieces;
  };
  // Into `tokens`, which need not be empty before. Throws TokenizerError if the text is not UTF-8
  // or longer than a span can say.
  void tokenize(std::string_view text, Scratch& scratch, std::vector<Token>& tokens) const;
  // Its words, normalised, a space between any two; added tokens are not set apart. Throws
  // likewise.
  std::string basic_text(std::string_view text) const;

  std::size_t size() const;  // one more than the largest id
  std::string_view token(std::int32_t id) const;
  std::optional<std::int32_t> id(std::string_view token) const;
  // The id of the token that has this role. Throws TokenizerError if there is none.
  std::int32_t require_special(const Definition& definition, SpecialRole role) const;

 private:
  void add_part(std::string_view text, std::size_t begin, std::size_t end, Scratch& scratch,
                std::vector<Token>& tokens) const;
  void add_words(const NormalizedText& normalized, std::size_t begin, std::size_t end,
                 std::vector<Piece>& pieces, std::vector<Token>& tokens) const;

  Vocab vocab_;
  Normalizer normalizer_;
  WordSplitter splitter_;
  AddedTokens added_;
  WordPiece word_piece_;
};

}  // namespace bertq::tokenizer
