#include "engine/api/c_answer.h"

#include "engine/api/c_arguments.h"

namespace bertq::engine::c_api {
namespace {

bertq_candidate candidate(const AnswerSpan& span) {
  return {span.span.begin, span.span.end, span.score, span.begin_logit, span.end_logit};
}

}  // namespace

AnswerOptions answer_options(const bertq_answer_options* given) {
  const bertq_answer_options from = checked_options(given, "bertq_answer_options");
  AnswerOptions options;
  set_unless_0(options.n_best, from.n_best);
  set_unless_0(options.max_answer, from.max_answer);
  set_unless_0(options.max_question, from.max_question);
  set_unless_0(options.max_window, from.max_window);
  options.doc_stride = from.doc_stride;
  options.may_be_unanswerable = chosen(from.may_be_unanswerable, "may_be_unanswerable");
  options.null_threshold = from.null_threshold;
  return options;
}

void check_question(const Input& input) {
  if (!input.is_text() || !input.pair()) refuse("input", "expected a question and its context");
}

bertq_answer_result answer_result(const Answer& answer) {
  return {sizeof(bertq_answer_result), !answer.best.text.empty(), candidate(answer.best),
          answer.null_odds};
}

std::vector<bertq_candidate> candidates_of(const Answer& answer) {
  std::vector<bertq_candidate> candidates;
  for (const AnswerSpan& span : answer.n_best) candidates.push_back(candidate(span));
  return candidates;
}

}  // namespace bertq::engine::c_api
