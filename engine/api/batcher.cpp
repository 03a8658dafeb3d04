#include "bertq/batcher.hpp"

#include <algorithm>
#include <utility>

#include "engine/api/guarded.h"
#include "engine/api/input_reader.h"
#include "engine/api/model_impl.h"
#include "engine/api/pending_answer.h"
#include "engine/api/results.h"
#include "engine/model/packed_batch.h"
#include "engine/runtime/cpu_count.h"
#include "engine/serving/batcher.h"

namespace bertq {
namespace {

engine::BatcherOptions inner_options(const BatcherOptions& options) {
  engine::BatcherOptions inner;
  inner.instances = options.instances;
  inner.threads = engine::threads_of_each(options.threads, options.instances);
  inner.max_batch_tokens = options.max_batch_tokens;
  inner.max_delay = options.max_delay;
  inner.max_waiting_tokens = options.max_waiting_tokens;
  return inner;
}

Prediction owned(const Classification& result) {
  return {result.index,
          std::string(result.label),
          result.score,
          {result.probabilities.begin(), result.probabilities.end()},
          {result.logits.begin(), result.logits.end()},
          result.truncated};
}

AnswerText owned(const AnswerSpan& span) {
  return {std::string(span.text), span.span, span.score, span.begin_logit, span.end_logit};
}

Reply owned(const Answer& answer) {
  Reply reply{owned(answer.best), {}, answer.null_odds};
  for (const AnswerSpan& span : answer.n_best) reply.n_best.push_back(owned(span));
  return reply;
}

[[noreturn]] void refuse() {
  throw Error(ErrorKind::resources, "the queue is full (max_waiting_tokens)");
}

template <typename Function>
void require_function(const Function& done) {
  if (!done) throw Error(ErrorKind::usage, "batcher: expected a function to call, got none");
}

// Submits by callback and gives the future of what it is called with. `submit` takes
// (result, error) and returns whether the request was accepted; `keep` copies the result.
template <typename Kept, typename Submit, typename Keep>
std::future<Kept> as_future(const Submit& submit, const Keep& keep) {
  const auto promise = std::make_shared<std::promise<Kept>>();
  std::future<Kept> future = promise->get_future();
  const bool accepted = submit([promise, keep](const auto& result, std::exception_ptr error) {
    try {
      if (error) {
        promise->set_exception(std::move(error));
      } else {
        promise->set_value(keep(result));
      }
    } catch (...) {  // want of memory for the copy
      promise->set_exception(std::current_exception());
    }
  });
  if (!accepted) refuse();
  return future;
}

}  // namespace

struct Batcher::Impl {
  Impl(const Model& of_model, const BatcherOptions& options)
      : model(of_model),
        truncate(options.truncate),
        pooling(pooling_choice(*model.impl().files, options.embedding)),
        made_in(forks()),
        batcher(std::make_unique<engine::Batcher>(model.impl().model, engine::Wanted::hidden_states,
                                                  inner_options(options))) {}
  // As for a session: the threads of a parent process will never end here.
  ~Impl() {
    if (made_in != forks()) static_cast<void>(batcher.release());
  }

  void check_process() const {
    if (made_in == forks()) return;
    throw Error(ErrorKind::usage,
                "a batcher of the parent process, whose threads this one does not have: make "
                "batchers after fork()");
  }

  // done(values, error, tokens, truncated)
  template <typename Done>
  bool submit(engine::Wanted wanted, const Input& input, Done done) {
    check_process();
    InputReader reader(*model.impl().files, model.max_tokens(), truncate);
    const ReadInput read = reader.read(input);
    return batcher->submit(
        wanted, read.ids, read.segments,
        [done = std::move(done), tokens = read.ids.size(), truncated = read.truncated](
            std::span<const float> values, std::exception_ptr error) {
          done(values, as_error(error), tokens, truncated);
        });
  }

  // Each window is a request of its own, so that they may run side by side.
  bool submit_question(std::string_view question, std::string_view context,
                       const AnswerOptions& how, OnAnswered done) {
    check_process();
    if (model.depends_on_batch()) {
      throw Error(ErrorKind::usage, model.name() +
                                        ": answers depend on which windows share a batch, and a "
                                        "batcher's share none; Session::answer has them together");
    }
    if (!model.answers()) {
      throw Error(ErrorKind::input, model.name() + ": expected a span head (qa_outputs), got none");
    }
    const auto pending = std::make_shared<PendingAnswer>(*model.impl().files, model.max_tokens(),
                                                         question, context, how, std::move(done));
    auto parts = pending->parts();
    if (!parts.empty()) return batcher->submit(engine::Wanted::token_logits, std::move(parts));
    pending->finish();
    return true;
  }

  const Model model;
  const bool truncate;
  const engine::PoolingChoice pooling;
  const unsigned made_in;
  std::unique_ptr<engine::Batcher> batcher;
};

Batcher::Batcher(const Model& model, const BatcherOptions& options)
    : impl_(guarded([&] { return std::make_unique<Impl>(model, options); })) {}
Batcher::~Batcher() = default;

bool Batcher::classify(const Input& input, OnClassified done) {
  return guarded([&] {
    require_function(done);
    const Impl& impl = *impl_;
    return impl_->submit(
        engine::Wanted::logits, input,
        [&impl, done = std::move(done)](std::span<const float> logits, std::exception_ptr error,
                                        std::size_t, bool truncated) {
          if (error) return done({}, std::move(error));
          std::vector<double> probabilities(logits.size());
          if (impl.model.classifies()) {
            return done(classification_of(impl.model, logits, probabilities, truncated), nullptr);
          }
          Classification value;
          value.score = static_cast<double>(logits[0]);
          value.logits = logits;
          value.truncated = truncated;
          done(value, nullptr);
        });
  });
}

bool Batcher::embed(const Input& input, OnEmbedded done) {
  return guarded([&] {
    require_function(done);
    const Impl& impl = *impl_;
    return impl_->submit(
        engine::Wanted::hidden_states, input,
        [&impl, done = std::move(done)](std::span<const float> states, std::exception_ptr error,
                                        std::size_t tokens, bool) {
          if (error) return done({}, std::move(error));
          const std::size_t hidden = impl.model.hidden();
          std::vector<float> vector(hidden);
          engine::pool_rows(states.data(), tokens, hidden, impl.pooling, vector);
          done(vector, nullptr);
        });
  });
}

bool Batcher::answer(std::string_view question, std::string_view context, OnAnswered done,
                     const AnswerOptions& options) {
  return guarded([&] {
    require_function(done);
    return impl_->submit_question(question, context, options, std::move(done));
  });
}

std::future<Prediction> Batcher::classify(const Input& input) {
  return as_future<Prediction>(
      [&](auto done) { return classify(input, OnClassified(std::move(done))); },
      [](const Classification& result) { return owned(result); });
}

std::future<std::vector<float>> Batcher::embed(const Input& input) {
  return as_future<std::vector<float>>(
      [&](auto done) { return embed(input, OnEmbedded(std::move(done))); },
      [](std::span<const float> vector) {
        return std::vector<float>(vector.begin(), vector.end());
      });
}

std::future<Reply> Batcher::answer(std::string_view question, std::string_view context,
                                   const AnswerOptions& options) {
  return as_future<Reply>(
      [&](auto done) { return answer(question, context, OnAnswered(std::move(done)), options); },
      [](const Answer& answer) { return owned(answer); });
}

Batcher::Counts Batcher::counts() const {
  const engine::Batcher::Counts inner = impl_->batcher->counts();
  return {inner.accepted, inner.refused, inner.batches, inner.waiting_tokens};
}

}  // namespace bertq
