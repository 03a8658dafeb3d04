#include "engine/squad/squad_features.h"

#include <algorithm>

#include "bertq/error.h"

namespace bertq::engine {
namespace {

constexpr std::size_t special_tokens = 3;
constexpr std::string_view narrow_no_break_space = "\xE2\x80\xAF";  // U+202F

// Bytes of the white space that text[at] begins with; 0 if it begins with none.
std::size_t space_at(std::string_view text, std::size_t at) {
  switch (text[at]) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
      return 1;
    case '\xE2':
      return text.substr(at).starts_with(narrow_no_break_space) ? narrow_no_break_space.size() : 0;
    default:
      return 0;
  }
}

std::vector<tokenizer::Span> split_words(std::string_view text) {
  std::vector<tokenizer::Span> words;
  bool in_word = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t space = space_at(text, at);
    if (space == 0) {
      const auto begin = static_cast<std::uint32_t>(at);
      if (!in_word) words.push_back({begin, begin});
      words.back().end = begin + 1;
    }
    in_word = space == 0;
    at += std::max<std::size_t>(space, 1);
  }
  return words;
}

// Of an encoding of one text, what lies between [CLS] and [SEP].
std::span<const std::int32_t> without_special(const tokenizer::Encoding& encoding) {
  return std::span(encoding.ids).subspan(1, encoding.ids.size() - 2);
}

[[noreturn]] void refuse(ErrorKind kind, const std::string& what, std::size_t got) {
  throw Error(kind, what + ", got " + std::to_string(got));
}

}  // namespace

std::string SquadContext::joined(std::size_t first, std::size_t last) const {
  std::string line;
  for (std::size_t i = first; i <= last; ++i) {
    if (i > first) line += ' ';
    line += text.substr(words[i].begin, words[i].end - words[i].begin);
  }
  return line;
}

bool has_most_context(std::span<const SquadWindow> windows, std::size_t nth, std::size_t token) {
  // Windows are in order of their ends as well: those that show the token stand together.
  const auto shows = [&](const SquadWindow& window) {
    return window.begin <= token && token < window.begin + window.length;
  };
  const auto score = [&](const SquadWindow& window) {
    const std::size_t left = token - window.begin;
    const std::size_t right = window.begin + window.length - 1 - token;
    return static_cast<double>(std::min(left, right)) + 0.01 * static_cast<double>(window.length);
  };
  const double own = score(windows[nth]);
  for (std::size_t i = nth; i-- > 0 && shows(windows[i]);) {
    if (score(windows[i]) >= own) return false;
  }
  for (std::size_t i = nth + 1; i < windows.size() && shows(windows[i]); ++i) {
    if (score(windows[i]) > own) return false;
  }
  return true;
}

SquadEncoder::SquadEncoder(const tokenizer::Tokenizer& tokenizer, std::size_t max_tokens,
                           const SquadOptions& options)
    : tokenizer_(tokenizer), max_tokens_(max_tokens), options_(options) {
  const auto at_least_one = [](const char* flag, std::size_t value) {
    if (value == 0) refuse(ErrorKind::usage, std::string(flag) + ": expected at least 1", value);
  };
  at_least_one("--doc-stride", options.doc_stride);
  at_least_one("--max-query-length", options.max_query);
  at_least_one("--n-best", options.n_best);
  at_least_one("--max-answer-length", options.max_answer);
  if (max_tokens <= special_tokens) {
    refuse(ErrorKind::usage, "--max-seq-length: expected more than the special tokens' 3",
           max_tokens);
  }
  if (options.doc_stride >= max_tokens - special_tokens) {
    refuse(ErrorKind::usage,
           "--doc-stride: expected less than the " + std::to_string(max_tokens - special_tokens) +
               " tokens that a window of " + std::to_string(max_tokens) + " has room for",
           options.doc_stride);
  }
}

SquadContext SquadEncoder::read_context(std::string_view text) const {
  SquadContext context{text, split_words(text), {}, {}};
  for (std::size_t i = 0; i < context.words.size(); ++i) {
    const auto [begin, end] = context.words[i];
    const auto word = tokenizer_.encode(text.substr(begin, end - begin));
    const auto pieces = without_special(word);
    context.ids.insert(context.ids.end(), pieces.begin(), pieces.end());
    context.word_of.resize(context.ids.size(), static_cast<std::uint32_t>(i));
  }
  return context;
}

SquadFeatures SquadEncoder::encode(std::string_view question, const SquadContext& context) const {
  const auto asked = tokenizer_.encode(question);
  const std::size_t query = std::min(asked.size() - 2, options_.max_query);
  if (query + special_tokens >= max_tokens_) {
    refuse(ErrorKind::input,
           "expected a question that leaves room for its context in a window of " +
               std::to_string(max_tokens_) + " tokens",
           query);
  }
  const std::size_t room = max_tokens_ - query - special_tokens;
  if (context.ids.size() > room && options_.doc_stride >= room) {
    refuse(ErrorKind::input,
           "expected --doc-stride less than the " + std::to_string(room) +
               " tokens that its window has beside the question",
           options_.doc_stride);
  }
  tokenizer::Encoding start;
  start.ids.assign(asked.ids.begin(), asked.ids.begin() + static_cast<std::ptrdiff_t>(query) + 1);
  start.ids.push_back(asked.ids.back());
  start.segments.assign(start.ids.size(), 0);

  SquadFeatures features;
  for (std::size_t begin = 0; begin < context.ids.size(); begin += options_.doc_stride) {
    const std::size_t length = std::min(context.ids.size() - begin, room);
    tokenizer::Encoding input = start;
    const auto first = context.ids.begin() + static_cast<std::ptrdiff_t>(begin);
    input.ids.insert(input.ids.end(), first, first + static_cast<std::ptrdiff_t>(length));
    input.ids.push_back(start.ids.back());
    input.segments.resize(input.ids.size(), 1);
    features.windows.push_back({begin, length, start.ids.size()});
    features.inputs.push_back(std::move(input));
    if (begin + length == context.ids.size()) break;
  }
  return features;
}

}  // namespace bertq::engine
