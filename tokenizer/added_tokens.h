// Tokens that are taken out of the text before it is split into words: the special ones ("[MASK]")
// and those that a user added to a finished vocabulary. As in Hugging Face `tokenizers`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/normalizer.h"
#include "tokenizer/token_table.h"

namespace bertq::tokenizer {

struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool special = false;
  bool normalized = false;   // looked for in normalised text, in its normalised form
  bool single_word = false;  // only where no letter, digit or mark stands next to it
  bool strip_left = false;   // takes the white space before it along
  bool strip_right = false;  // and after it
};

// Finds the tokens of one kind, normalised or not. Immutable; any number of threads may use one.
class AddedTokenFinder {
 public:
  // `keys` are what to look for, each for the token of the same index. Special tokens are found but
  // passed over where `ignore_special`.
  AddedTokenFinder(const std::vector<std::string>& keys, std::vector<AddedToken> tokens,
                   bool ignore_special);

  struct Match {
    std::size_t begin = 0, end = 0;
    std::int32_t id = 0;
  };
  // The leftmost, there the longest, token in text[from, ...); `text` up to `from` is only looked
  // at for what stands before a token.
  std::optional<Match> find(std::string_view text, std::size_t from) const;

 private:
  std::size_t find_start(std::string_view text, std::size_t from) const;
  std::optional<Match> accept(std::string_view text, std::size_t from, std::size_t begin,
                              std::size_t end, const AddedToken& token) const;

  std::vector<AddedToken> tokens_;
  TokenTable table_;  // key to index in tokens_
  std::array<bool, 256> starts_{};
  std::optional<char> only_start_;  // where all keys begin alike, as "[CLS]" and "[SEP]" do
  bool ignore_special_;
};

// All added tokens of a tokenizer.
class AddedTokens {
 public:
  AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer, bool ignore_special);

  const AddedTokenFinder& in_source() const { return in_source_; }
  // Empty where no token is to be found in normalised text, which is nearly always.
  const std::optional<AddedTokenFinder>& in_normalized() const { return in_normalized_; }

  std::optional<std::int32_t> id(std::string_view content) const;
  std::string_view content(std::int32_t id) const;  // empty where there is none
  std::size_t size() const;                         // one more than the largest id

 private:
  std::vector<AddedToken> tokens_;  // by id
  AddedTokenFinder in_source_;
  std::optional<AddedTokenFinder> in_normalized_;
};

}  // namespace bertq::tokenizer
