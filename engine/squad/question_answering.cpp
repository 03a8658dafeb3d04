#include "engine/squad/question_answering.h"

#include <algorithm>
#include <utility>

namespace bertq::engine {
namespace {

// Neither the scores nor the answer should depend on how many are listed.
SquadChoice full_choice(SquadOptions options, bool may_be_unanswerable) {
  options.n_best = std::max(options.n_best, SquadOptions().n_best);
  return {options, may_be_unanswerable};
}

// The field's scripts say "empty" where they find nothing; here that is no answer, with no score.
bool is_found(const SquadCandidate& candidate) {
  return candidate.text.empty() || candidate.bytes.end > 0;
}

}  // namespace

QuestionAnswering::QuestionAnswering(const tokenizer::Tokenizer& tokenizer, std::size_t max_tokens,
                                     const SquadOptions& options, bool may_be_unanswerable)
    : tokenizer_(tokenizer),
      listed_(options.n_best),
      choice_(full_choice(options, may_be_unanswerable)),
      encoder_(tokenizer, max_tokens, options) {}

QuestionInputs QuestionAnswering::read(std::string_view question, std::string_view context) const {
  QuestionInputs read;
  read.context = encoder_.read_context(context);
  read.features = encoder_.encode(question, read.context);
  return read;
}

ListedAnswers QuestionAnswering::answer(const QuestionInputs& asked,
                                        std::span<const std::span<const float>> logits) const {
  SquadPrediction prediction =
      predict_answer(asked.context, asked.features.windows, logits, tokenizer_, choice_);
  ListedAnswers answers;
  if (is_found(prediction.answer())) answers.best = prediction.answer();
  answers.null_odds = prediction.null_odds;
  for (SquadCandidate& candidate : prediction.n_best) {
    if (answers.n_best.size() == listed_) break;
    if (is_found(candidate)) answers.n_best.push_back(std::move(candidate));
  }
  return answers;
}

void fit_doc_stride(std::size_t max_tokens, SquadOptions& options) {
  constexpr std::size_t special_tokens = 3;
  if (options.doc_stride + options.max_query + special_tokens < max_tokens) return;
  options.doc_stride = std::max<std::size_t>(max_tokens / 3, 1);
}

}  // namespace bertq::engine
