// A vocabulary for tests, and tokens and spans as text, so that a test reads like a table.
#pragma once

#include <string>
#include <string_view>

#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer::testing {

// A vocab.txt that holds `tokens`, which are separated by spaces.
inline std::string vocab_txt(std::string_view tokens) {
  std::string lines;
  for (const char c : tokens) lines += c == ' ' ? '\n' : c;
  return lines + '\n';
}

// The special tokens, then pieces that the specification's strings need.
inline constexpr std::string_view kSmallVocabulary =
    "[PAD] [UNK] [CLS] [SEP] [MASK] a b c x y z 1 good bye ok ##bye ##b ##c ##l ##a za istanbul ı "
    "##stan ##bu ##l mask [ ] ! ' ##y ᄒ ##ᄒ ##ᅡ ##ᆫ ##ᄀ ##ᅮ ##ᆨ ##ᄋ ##ᅥ ก ह ##ि ##न ##द "
    "##ी ガ カ "
    "##キ ##ク ο ##δ ##ο ##σ ##ος 龍 ab ##ab";

inline Tokenizer small_tokenizer(const Options& options = {}) {
  return Tokenizer::from_vocabulary(vocab_txt(kSmallVocabulary), "small", options);
}

// "good ##bye": the tokens without [CLS] and the last [SEP].
inline std::string show_tokens(const Tokenizer& tokenizer, const Encoding& encoding) {
  std::string text;
  for (std::size_t i = 1; i + 1 < encoding.size(); ++i) {
    if (i > 1) text += ' ';
    text += tokenizer.token(encoding.ids[i]);
  }
  return text;
}

// "0-4 4-7": their spans.
inline std::string show_spans(const Encoding& encoding) {
  std::string text;
  for (std::size_t i = 1; i + 1 < encoding.size(); ++i) {
    if (i > 1) text += ' ';
    text += std::to_string(encoding.spans[i].begin) + '-' + std::to_string(encoding.spans[i].end);
  }
  return text;
}

inline std::string repeat(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

}  // namespace bertq::tokenizer::testing
