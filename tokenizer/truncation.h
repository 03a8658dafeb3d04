// Longest-first truncation of a pair: how many tokens of each text stay.
#pragma once

#include <cstddef>

#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer {

struct PairLengths {
  std::size_t first = 0, second = 0;
  friend bool operator==(const PairLengths&, const PairLengths&) = default;
};

// At most `most` tokens in all, special ones not counted. The longer text gives first; when both
// must give, an odd token stays with the second text (hf; with the first if it was the longer) or
// with the first (google).
PairLengths truncate_longest_first(PairLengths lengths, std::size_t most, Profile profile);

}  // namespace bertq::tokenizer
