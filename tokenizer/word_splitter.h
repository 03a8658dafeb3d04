// Normalised text to words: BERT's pre-tokenizer. White space separates words and belongs to none;
// each punctuation character is a word.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "tokenizer/code_points.h"
#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer {

// The bytes [begin, end) of the normalised text.
struct Word {
  std::size_t begin = 0, end = 0;
  friend bool operator==(const Word&, const Word&) = default;
};

// Immutable; any number of threads may use one at once.
class WordSplitter {
 public:
  explicit WordSplitter(Profile profile);

  // The first word in text[at, end); none if only white space is left. `text` must be UTF-8 and
  // `at` and `end` must not divide a code point.
  std::optional<Word> next(std::string_view text, std::size_t at, std::size_t end) const;

 private:
  enum class Kind : std::uint8_t { letter, space, punctuation, not_ascii };

  struct Classified {
    Kind kind;
    std::size_t length;
  };
  Kind ascii_kind(char byte) const { return kinds_[static_cast<unsigned char>(byte)]; }
  Classified classify(std::string_view text, std::size_t at) const;
  static Kind kind_of(std::uint8_t classes);

  const CodePoints& code_points_;
  std::array<Kind, 256> kinds_{};
};

}  // namespace bertq::tokenizer
