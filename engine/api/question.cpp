#include "engine/api/question.h"

#include <algorithm>

#include "engine/api/results.h"
#include "engine/model/precision_choice.h"

namespace bertq {

Question::Question(const engine::ModelFiles& files, std::size_t max_tokens,
                   std::string_view question, std::string_view context,
                   const AnswerOptions& options)
    : context_(context),
      answering_(engine::tokenizer_of(files), std::min(options.max_window, max_tokens),
                 squad_options(options, std::min(options.max_window, max_tokens)),
                 options.may_be_unanswerable),
      asked_(answering_.read(question, context)) {}

Answer Question::answer(std::span<const std::span<const float>> logits,
                        std::vector<AnswerSpan>& listed) const {
  const engine::ListedAnswers found = answering_.answer(asked_, logits);
  listed.clear();
  for (const auto& candidate : found.n_best) listed.push_back(answer_span(context_, candidate));
  return {answer_span(context_, found.best), listed, found.null_odds};
}

}  // namespace bertq
