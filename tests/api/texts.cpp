#include "texts.h"

namespace bertq::testing {
namespace {

constexpr const char* words[] = {"police", "in",     "the",  "town",    "said", "on",
                                 "friday", "that",   "ten",  "people",  "were", "questioned",
                                 "over",   "Dörfel", "tax,", "evasion", "37",   "zzyzx"};

}  // namespace

std::vector<TextPair> some_texts(std::size_t count) {
  std::uint32_t state = 12345;
  const auto next = [&state](std::uint32_t below) {
    state = state * 1664525 + 1013904223;
    return (state >> 16) % below;
  };
  const auto sentence = [&](std::uint32_t longest) {
    std::string text;
    for (std::uint32_t left = 1 + next(longest); left > 0; --left) {
      if (!text.empty()) text += ' ';
      text += words[next(std::size(words))];
    }
    return text;
  };
  std::vector<TextPair> texts(count);
  for (TextPair& text : texts) {
    text.text = sentence(20);
    if (next(3) > 0) text.pair = sentence(15);
  }
  return texts;
}

std::vector<Input> inputs_of(const std::vector<TextPair>& texts) {
  std::vector<Input> inputs;
  for (const TextPair& text : texts) inputs.push_back(text.input());
  return inputs;
}

}  // namespace bertq::testing
