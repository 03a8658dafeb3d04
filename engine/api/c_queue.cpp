// bertq_queue_* and bertq_submit_*.
#include <thread>
#include <utility>
#include <vector>

#include "engine/api/c_answer.h"
#include "engine/api/c_arguments.h"
#include "engine/api/c_call.h"
#include "engine/api/c_objects.h"

namespace bertq::engine::c_api {
namespace {

struct OpenQueue {
  std::size_t max_tokens;  // the model's
  Batcher batcher;
};

// That a `done` is being called on this thread.
thread_local bool in_callback = false;

// BERTQ_OK without an error; else it is this thread's last one.
bertq_status status_of(const std::exception_ptr& error) {
  forget_error();
  if (error == nullptr) return BERTQ_OK;
  try {
    std::rethrow_exception(error);
  } catch (...) {
    return report_exception();
  }
}

template <typename Function, typename... Arguments>
void call_back(Function done, const Arguments&... arguments) {
  const bool nested = std::exchange(in_callback, true);  // submitted from another one
  done(arguments...);
  in_callback = nested;
}

void deliver(bertq_done done, void* context, std::span<const float> values,
             const std::exception_ptr& error) {
  const bertq_status status = status_of(error);
  if (status != BERTQ_OK) values = {};
  call_back(done, context, status, values.data(), values.size());
}

void deliver(bertq_answered done, void* context, const Answer& answer, std::exception_ptr error) {
  std::vector<bertq_candidate> candidates;
  try {
    if (error == nullptr) candidates = candidates_of(answer);
  } catch (...) {  // want of memory
    error = std::current_exception();
  }
  const bertq_status status = status_of(error);
  const bertq_answer_result result = answer_result(answer);
  if (status == BERTQ_OK) {
    call_back(done, context, status, &result, candidates.data(), candidates.size());
  } else {
    call_back(done, context, status, nullptr, nullptr, std::size_t{0});
  }
}

BatcherOptions batcher_options(const bertq_queue_options& from) {
  BatcherOptions options;
  set_unless_0(options.instances, from.instances);
  options.threads = from.threads;
  set_unless_0(options.max_batch_tokens, from.max_batch_tokens);
  set_unless_0(options.max_waiting_tokens, from.max_waiting_tokens);
  constexpr std::uint64_t most = 60'000'000;
  if (from.max_delay_us > most) {
    refuse("max_delay_us", "expected at most " + std::to_string(most) + ", got " +
                               std::to_string(from.max_delay_us));
  }
  options.max_delay = std::chrono::microseconds(from.max_delay_us);
  options.truncate = chosen(from.truncate, "truncate");
  options.embedding = embedding_options(from.pooling, from.normalize);
  return options;
}

template <typename Done, typename Submit>
bertq_status submit(bertq_queue* queue, const bertq_input* input, Done done, const Submit& run) {
  return call([&] {
    const auto found = Handles::instance().find<OpenQueue>(HandleKind::queue, queue);
    if (done == nullptr) refuse("done", "expected a function, got NULL");
    if (!run(found->batcher, checked_input(input, found->max_tokens, "input"))) {
      throw StatusError(BERTQ_BUSY, "the queue is full");
    }
  });
}

}  // namespace
}  // namespace bertq::engine::c_api

using namespace bertq;
using namespace bertq::engine::c_api;

bertq_status bertq_queue_create(const bertq_model* model, const bertq_queue_options* options,
                                bertq_queue** queue) {
  return call([&] {
    const auto found = find_model(model);
    bertq_queue*& handle = not_null(queue, "queue");
    const auto how = batcher_options(checked_options(options, "bertq_queue_options"));
    std::shared_ptr<OpenQueue> open(new OpenQueue{found->max_tokens(), Batcher(*found, how)});
    handle = static_cast<bertq_queue*>(Handles::instance().add(HandleKind::queue, std::move(open)));
  });
}

bertq_status bertq_queue_free(bertq_queue* queue) {
  return call([&] {
    if (queue == nullptr) return;
    if (in_callback) refuse("queue", "a callback cannot free it: it would wait for itself");
    const auto object = Handles::instance().remove(HandleKind::queue, queue);
    // A callback may be submitting, and must not be the last to let go.
    while (object.use_count() > 1) std::this_thread::yield();
  });
}

bertq_status bertq_submit_logits(bertq_queue* queue, const bertq_input* input, bertq_done done,
                                 void* context) {
  return submit(queue, input, done, [&](Batcher& batcher, const Input& given) {
    return batcher.classify(given, [=](const Classification& result, std::exception_ptr error) {
      deliver(done, context, result.logits, error);
    });
  });
}

bertq_status bertq_submit_embed(bertq_queue* queue, const bertq_input* input, bertq_done done,
                                void* context) {
  return submit(queue, input, done, [&](Batcher& batcher, const Input& given) {
    return batcher.embed(given, [=](std::span<const float> vector, std::exception_ptr error) {
      deliver(done, context, vector, error);
    });
  });
}

bertq_status bertq_submit_answer(bertq_queue* queue, const bertq_input* input,
                                 const bertq_answer_options* options, bertq_answered done,
                                 void* context) {
  return submit(queue, input, done, [&](Batcher& batcher, const Input& given) {
    check_question(given);
    const auto deliver_answer = [=](const Answer& answer, std::exception_ptr error) {
      deliver(done, context, answer, std::move(error));
    };
    return batcher.answer(given.text(), *given.pair(), deliver_answer, answer_options(options));
  });
}
