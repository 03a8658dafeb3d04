// The best answers to a question, from the logits of its windows: compute_predictions of
// google-research/bert's run_squad.py, in its order of ties, and its rules for v2.0.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/squad/squad_features.h"
#include "engine/task/evaluation_set.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine {

struct SquadCandidate {
  std::string text;  // words of the context, a space between any two; "": there is no answer
  // Its bytes in the context, where white space is as it is found; empty where there is no answer.
  tokenizer::Span bytes;
  double start_logit = 0.0, end_logit = 0.0;
  double probability = 0.0;  // among the candidates that are listed
};

struct SquadPrediction {
  std::vector<SquadCandidate> n_best;  // the likeliest first, at least one
  std::size_t chosen = 0;              // which of them is the answer
  // v2.0: by how much "no answer" beats the best answer, in logits. It is chosen above the
  // threshold.
  double null_odds = 0.0;

  const SquadCandidate& answer() const { return n_best[chosen]; }
};

// How to choose among candidates, beside the sizes in SquadOptions.
struct SquadChoice {
  SquadOptions options;
  bool may_be_unanswerable = false;  // v2.0
};

// `logits` holds, for each window, [tokens][2]: begin and end. Where the context has no tokens, or
// no pair of tokens is a valid span, the answer is the word "empty", as it is in the field.
SquadPrediction predict_answer(const SquadContext& context, std::span<const SquadWindow> windows,
                               std::span<const std::span<const float>> logits,
                               const tokenizer::Tokenizer& tokenizer, const SquadChoice& choice);

}  // namespace bertq::engine
