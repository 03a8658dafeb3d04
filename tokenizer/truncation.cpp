#include "tokenizer/truncation.h"

#include <algorithm>

namespace bertq::tokenizer {

PairLengths truncate_longest_first(PairLengths lengths, std::size_t most, Profile profile) {
  if (lengths.first + lengths.second <= most) return lengths;
  const std::size_t half = most / 2, rest = most - half;
  const bool first_gives = lengths.first > lengths.second;
  const std::size_t shorter = std::min(lengths.first, lengths.second);
  if (shorter <= half) {
    const std::size_t left = most - shorter;
    return first_gives ? PairLengths{left, shorter} : PairLengths{shorter, left};
  }
  const bool first_keeps_more = profile == Profile::google || first_gives;
  return first_keeps_more ? PairLengths{rest, half} : PairLengths{half, rest};
}

}  // namespace bertq::tokenizer
