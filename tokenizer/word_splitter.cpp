#include "tokenizer/word_splitter.h"

#include "tokenizer/utf8.h"

namespace bertq::tokenizer {

WordSplitter::Kind WordSplitter::kind_of(std::uint8_t classes) {
  if (classes & kSpace) return Kind::space;
  return classes & kPunctuation ? Kind::punctuation : Kind::letter;
}

WordSplitter::WordSplitter(Profile profile) : code_points_(CodePoints::of(profile)) {
  kinds_.fill(Kind::not_ascii);
  for (char32_t c = 0; c < 128; ++c) kinds_[c] = kind_of(code_points_.classes(c));
}

WordSplitter::Classified WordSplitter::classify(std::string_view text, std::size_t at) const {
  const Kind kind = ascii_kind(text[at]);
  if (kind != Kind::not_ascii) return {kind, 1};
  const Decoded decoded = decode_utf8(text, at);
  return {kind_of(code_points_.classes(decoded.code_point)), decoded.length};
}

std::optional<Word> WordSplitter::next(std::string_view text, std::size_t at,
                                       std::size_t end) const {
  Classified first{};
  for (;; at += first.length) {
    if (at >= end) return std::nullopt;
    first = classify(text, at);
    if (first.kind != Kind::space) break;
  }
  Word word{at, at + first.length};
  if (first.kind == Kind::punctuation) return word;
  for (;;) {
    // Nearly all text is ASCII letters, for which a look at the table will do.
    while (word.end < end && ascii_kind(text[word.end]) == Kind::letter) ++word.end;
    if (word.end >= end) break;
    const Classified following = classify(text, word.end);
    if (following.kind != Kind::letter) break;
    word.end += following.length;
  }
  return word;
}

}  // namespace bertq::tokenizer
