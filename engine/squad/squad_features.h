// Questions and contexts as BERT takes them: google-research/bert's run_squad.py.
//
//   [CLS] question [SEP] part of the context [SEP]
//
// A context that does not fit beside the question is seen through several windows, each
// `doc_stride` tokens after the one before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/task/evaluation_set.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine {

// A context, tokenized word by word. Words lie between space, tab, CR, LF and U+202F, no others.
struct SquadContext {
  std::string_view text;               // belongs to the caller
  std::vector<tokenizer::Span> words;  // bytes of the text
  std::vector<std::int32_t> ids;       // of the tokens
  std::vector<std::uint32_t> word_of;  // of each token

  // The words [first, last] with a space between any two, as the field joins them.
  std::string joined(std::size_t first, std::size_t last) const;
};

// What one input shows of its context.
struct SquadWindow {
  std::size_t begin = 0, length = 0;  // tokens of the context
  std::size_t offset = 0;             // of the first of them in the input
};

// The windows of one question, in their order: none if the context has no tokens.
struct SquadFeatures {
  std::vector<tokenizer::Encoding> inputs;  // without spans
  std::vector<SquadWindow> windows;         // one an input
};

// Whether, of all windows that show this token of the context, the `nth` shows most of what is
// around it: the smaller of left and right counts, the first of equals wins.
bool has_most_context(std::span<const SquadWindow> windows, std::size_t nth, std::size_t token);

// Immutable; any number of threads may use one at once. Keeps a reference to the tokenizer.
class SquadEncoder {
 public:
  // `max_tokens` of an input, special ones included. Throws Error (usage) if doc_stride is 0 or
  // leaves tokens out whatever the question, or if another option is 0.
  SquadEncoder(const tokenizer::Tokenizer& tokenizer, std::size_t max_tokens,
               const SquadOptions& options);

  // Throws tokenizer::TokenizerError for text that is not UTF-8.
  SquadContext read_context(std::string_view text) const;

  // The question is cut to `max_query` tokens. Throws Error (input) if it leaves no room, or if
  // doc_stride is not smaller than what room it leaves; the message does not name the question.
  SquadFeatures encode(std::string_view question, const SquadContext& context) const;

 private:
  const tokenizer::Tokenizer& tokenizer_;
  std::size_t max_tokens_;
  SquadOptions options_;
};

}  // namespace bertq::engine
