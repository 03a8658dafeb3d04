#include "tokenizer/truncation.h"

#include <doctest/doctest.h>

namespace bertq::tokenizer {

static doctest::String toString(const PairLengths& lengths) {
  return (std::to_string(lengths.first) + "+" + std::to_string(lengths.second)).c_str();
}

namespace {

// google's _truncate_seq_pair, word for word: one token at a time.
PairLengths pop_one_by_one(PairLengths lengths, std::size_t most) {
  while (lengths.first + lengths.second > most) {
    --(lengths.first > lengths.second ? lengths.first : lengths.second);
  }
  return lengths;
}

TEST_CASE("google's way is to take tokens off one by one") {
  for (std::size_t first = 0; first < 12; ++first) {
    for (std::size_t second = 0; second < 12; ++second) {
      for (std::size_t most = 0; most < 25; ++most) {
        const PairLengths lengths{first, second};
        REQUIRE(truncate_longest_first(lengths, most, Profile::google) ==
                pop_one_by_one(lengths, most));
      }
    }
  }
}

// From tokenizers 0.23.3, truncation "longest_first".
TEST_CASE("hf's way differs in who keeps the odd token") {
  struct Case {
    PairLengths lengths;
    std::size_t most;
    PairLengths kept;
  };
  const Case cases[] = {
      {{3, 4}, 7, {3, 4}},   {{2, 10}, 7, {2, 5}},  {{10, 2}, 7, {5, 2}}, {{10, 10}, 7, {3, 4}},
      {{11, 10}, 7, {4, 3}}, {{10, 11}, 7, {3, 4}}, {{4, 9}, 7, {3, 4}},  {{9, 4}, 7, {4, 3}},
      {{10, 10}, 8, {4, 4}}, {{3, 9}, 7, {3, 4}},   {{0, 9}, 4, {0, 4}},  {{9, 0}, 4, {4, 0}},
      {{5, 5}, 0, {0, 0}},   {{5, 5}, 1, {0, 1}},   {{6, 5}, 1, {1, 0}},
  };
  for (const auto& [lengths, most, kept] : cases) {
    CAPTURE(lengths);
    CAPTURE(most);
    CHECK(truncate_longest_first(lengths, most, Profile::hf) == kept);
  }
}

}  // namespace
}  // namespace bertq::tokenizer
