#include "engine/api/pending_answer.h"

#include <utility>

#include "engine/api/guarded.h"

namespace bertq {

PendingAnswer::PendingAnswer(const engine::ModelFiles& files, std::size_t max_tokens,
                             std::string_view question, std::string_view context,
                             const AnswerOptions& options, Batcher::OnAnswered done)
    : context_(context),
      question_(files, max_tokens, question, context_, options),
      done_(std::move(done)),
      logits_(question_.inputs().size()),
      left_(logits_.size()) {}

std::vector<engine::Batcher::Part> PendingAnswer::parts() {
  std::vector<engine::Batcher::Part> parts;
  for (std::size_t window = 0; window < logits_.size(); ++window) {
    const tokenizer::Encoding& input = question_.inputs()[window];
    parts.push_back({input.ids, input.segments,
                     [self = shared_from_this(), window](std::span<const float> logits,
                                                         std::exception_ptr error) {
                       self->take(window, logits, std::move(error));
                     }});
  }
  return parts;
}

void PendingAnswer::take(std::size_t window, std::span<const float> logits,
                         std::exception_ptr error) {
  try {
    logits_[window].assign(logits.begin(), logits.end());
  } catch (...) {  // want of memory
    error = std::current_exception();
  }
  if (error) {
    const std::scoped_lock lock(mutex_);
    if (!failure_) failure_ = std::move(error);
  }
  if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) finish();
}

void PendingAnswer::finish() {
  std::vector<AnswerSpan> listed;
  Answer answer;
  if (!failure_) {
    try {
      const std::vector<std::span<const float>> logits(logits_.begin(), logits_.end());
      answer = question_.answer(logits, listed);
    } catch (...) {
      failure_ = std::current_exception();
    }
  }
  done_(failure_ ? Answer() : answer, as_error(failure_));
}

}  // namespace bertq
