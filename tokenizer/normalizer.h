// BERT's normalisation: cleans text, puts spaces round ideographs, strips accents, lower-cases; and
// remembers which bytes of the source each byte of the result came from.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/code_points.h"
#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer {

struct NormalizerRules {
  Profile profile = Profile::hf;
  bool clean_text = true;  // drop control characters, turn white space into U+0020
  bool split_chinese_characters = true;
  bool strip_accents = true;  // NFD, then drop nonspacing marks
  bool lower_case = true;
};

// A code point whose place depends on those around it.
struct Mark {
  char32_t code_point = 0;
  std::uint8_t combining_class = 0;
  bool dropped = false;
  bool added = false;       // by the decomposition of the code point before it
  std::uint32_t place = 0;  // in its run of marks, as it was found
  Span origin;
};

// Normalised text and its way back.
struct NormalizedText {
  std::string text;
  // Of each byte of `text`, the bytes of the source that it stands for. Empty where that is
  // trivial: byte i came from byte base + i.
  std::vector<Span> origins;
  std::uint32_t base = 0;
  // The normaliser's own, of a run of marks; here so that its storage is used again.
  std::vector<Mark> marks;
  std::vector<Span> mark_origins;

  // Where the bytes [begin, end) came from; begin < end.
  Span origin(std::size_t begin, std::size_t end) const {
    if (origins.empty()) {
      return {base + static_cast<std::uint32_t>(begin), base + static_cast<std::uint32_t>(end)};
    }
    return {origins[begin].begin, origins[end - 1].end};
  }
};

// Immutable; any number of threads may use one at once.
class Normalizer {
 public:
  explicit Normalizer(const NormalizerRules& rules);

  // Normalises source[begin, end), on its own, into `out`, whose storage is used again. Spans count
  // from the start of `source`. Throws TokenizerError with the offset of a byte that is not UTF-8.
  void normalize(std::string_view source, std::size_t begin, std::size_t end,
                 NormalizedText& out) const;

  const NormalizerRules& rules() const { return rules_; }

 private:
  friend class NormalizerRun;

  NormalizerRules rules_;
  const CodePoints& code_points_;
  std::uint8_t dropped_ = 0;  // classes of code points that vanish, before anything else is done
  std::uint8_t changed_ = 0;  // classes of code points that do not stand for themselves
  std::array<bool, 256> plain_{};  // ASCII bytes that come out as one byte
  std::array<char, 128> ascii_{};  // what comes out
};

}  // namespace bertq::tokenizer
