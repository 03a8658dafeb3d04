// A question whose windows are on their way through a batcher: the last of them to be answered
// tells the caller.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bertq/batcher.hpp"
#include "engine/api/question.h"
#include "engine/serving/batcher.h"

namespace bertq {

class PendingAnswer : public std::enable_shared_from_this<PendingAnswer> {
 public:
  // Copies the context. Throws what Question throws.
  PendingAnswer(const engine::ModelFiles& files, std::size_t max_tokens, std::string_view question,
                std::string_view context, const AnswerOptions& options, Batcher::OnAnswered done);

  // A request for each window; they look at this, and keep it alive. None where there is nothing to
  // read: then finish() tells the caller.
  std::vector<engine::Batcher::Part> parts();
  void finish();

 private:
  // On threads of the batcher, once for each window.
  void take(std::size_t window, std::span<const float> logits, std::exception_ptr error);

  const std::string context_;
  const Question question_;
  const Batcher::OnAnswered done_;
  std::vector<std::vector<float>> logits_;  // each is written by one thread, before it counts down
  std::atomic<std::size_t> left_;
  std::mutex mutex_;
  std::exception_ptr failure_;  // the first
};

}  // namespace bertq
