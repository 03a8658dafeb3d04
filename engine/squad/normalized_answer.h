// How SQuAD compares an answer with the right ones: normalize_answer(), exact match and F1 of
// evaluate-v1.1.py and evaluate-v2.0.py, which are Python 3 and mean Unicode.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bertq::engine {

// Lower case, without ASCII punctuation and the articles "a", "an" and "the", words a space apart.
// `answer` must be UTF-8.
std::string normalize_answer(std::string_view answer);

// Normalised answers, ready to be compared with many others.
class NormalizedAnswer {
 public:
  explicit NormalizedAnswer(std::string_view answer);

  const std::string& text() const { return text_; }
  bool empty() const { return words_.empty(); }
  // 1 or 0.
  double exact_match(const NormalizedAnswer& right) const;
  // Of the words in common, each as often as both have it. 0 where there are none.
  double f1(const NormalizedAnswer& right) const;

 private:
  std::string text_;
  std::vector<std::string> words_;  // sorted
};

}  // namespace bertq::engine
