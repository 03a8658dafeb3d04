#include "engine/squad/normalized_answer.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "tokenizer/python_text.h"
#include "tokenizer/utf8.h"

namespace bertq::engine {
namespace {

constexpr std::string_view punctuation = R"(!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~)";

bool word_begins_at(std::string_view text, std::size_t at) {
  return at < text.size() && tokenizer::is_python_word(tokenizer::decode_utf8(text, at).code_point);
}

bool word_ends_at(std::string_view text, std::size_t at) {
  return at > 0 && tokenizer::is_python_word(tokenizer::decode_utf8_before(text, at).code_point);
}

// Bytes of the article that is a whole word at text[at]: \b(a|an|the)\b. 0: there is none.
std::size_t article_at(std::string_view text, std::size_t at) {
  if (word_ends_at(text, at)) return 0;
  for (const std::string_view article : {"a", "an", "the"}) {
    const bool here = text.substr(at).starts_with(article);
    if (here && !word_begins_at(text, at + article.size())) return article.size();
  }
  return 0;
}

std::string without_punctuation(std::string text) {
  std::erase_if(text, [](char c) { return punctuation.find(c) != std::string_view::npos; });
  return text;
}

std::string without_articles(std::string_view text) {
  std::string kept;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t article = text[at] == 'a' || text[at] == 't' ? article_at(text, at) : 0;
    kept += article == 0 ? text[at] : ' ';
    at += std::max<std::size_t>(article, 1);
  }
  return kept;
}

// Of text whose words are a space apart.
std::vector<std::string> sorted_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  std::sort(words.begin(), words.end());
  return words;
}

}  // namespace

std::string normalize_answer(std::string_view answer) {
  const std::string lowered = without_punctuation(tokenizer::python_lower(answer));
  return tokenizer::collapse_python_spaces(without_articles(lowered));
}

NormalizedAnswer::NormalizedAnswer(std::string_view answer)
    : text_(normalize_answer(answer)), words_(sorted_words(text_)) {}

double NormalizedAnswer::exact_match(const NormalizedAnswer& right) const {
  return text_ == right.text_ ? 1.0 : 0.0;
}

double NormalizedAnswer::f1(const NormalizedAnswer& right) const {
  std::vector<std::string_view> common;
  std::set_intersection(words_.begin(), words_.end(), right.words_.begin(), right.words_.end(),
                        std::back_inserter(common));
  if (common.empty()) return 0.0;
  const auto count = [](std::size_t words) { return static_cast<double>(words); };
  const double precision = count(common.size()) / count(words_.size());
  const double recall = count(common.size()) / count(right.words_.size());
  return (2 * precision * recall) / (precision + recall);
}

}  // namespace bertq::engine
