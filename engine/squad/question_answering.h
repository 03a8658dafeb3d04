// One question and one context, from texts to listed answers: what `bertq answer` and the library's
// Session::answer share.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "engine/squad/squad_answers.h"
#include "engine/squad/squad_features.h"
#include "engine/task/evaluation_set.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine {

struct QuestionInputs {
  SquadContext context;    // looks at the caller's text
  SquadFeatures features;  // what the model runs
};

struct ListedAnswers {
  SquadCandidate best;                 // without text and with probability 0: there is no answer
  std::vector<SquadCandidate> n_best;  // the likeliest first; "no answer" has no text
  double null_odds = 0.0;              // SquadPrediction::null_odds
};

// Immutable; any number of threads may use one at once. Keeps a reference to the tokenizer.
class QuestionAnswering {
 public:
  // Lists options.n_best answers. Throws what SquadEncoder throws.
  QuestionAnswering(const tokenizer::Tokenizer& tokenizer, std::size_t max_tokens,
                    const SquadOptions& options, bool may_be_unanswerable);

  // Throws tokenizer::TokenizerError for text that is not UTF-8, Error (input) for a question that
  // leaves no room for its context.
  QuestionInputs read(std::string_view question, std::string_view context) const;
  // `logits` holds [tokens][2] of each input.
  ListedAnswers answer(const QuestionInputs& asked,
                       std::span<const std::span<const float>> logits) const;

 private:
  const tokenizer::Tokenizer& tokenizer_;
  std::size_t listed_;
  SquadChoice choice_;
  SquadEncoder encoder_;
};

// In windows too short for the field's doc_stride of 128, a third of their length.
void fit_doc_stride(std::size_t max_tokens, SquadOptions& options);

}  // namespace bertq::engine
