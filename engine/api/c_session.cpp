// bertq_session_* and what a session computes.
#include <string>
#include <vector>

#include "engine/api/c_answer.h"
#include "engine/api/c_arguments.h"
#include "engine/api/c_call.h"
#include "engine/api/c_objects.h"

namespace bertq::engine::c_api {
namespace {

// A session, for one call: another call with it meanwhile is refused.
class SessionInUse {
 public:
  explicit SessionInUse(const bertq_session* handle)
      : open_(Handles::instance().find<OpenSession>(HandleKind::session, handle)) {
    if (open_->used.exchange(true, std::memory_order_acquire)) {
      open_.reset();
      throw StatusError(BERTQ_BUSY, "another thread is using the session");
    }
  }
  ~SessionInUse() { open_->used.store(false, std::memory_order_release); }
  SessionInUse(const SessionInUse&) = delete;
  SessionInUse& operator=(const SessionInUse&) = delete;

  Session& session() const { return open_->session; }
  const Model& model() const { return open_->session.model(); }

  std::span<const Input> inputs(const bertq_input* given, std::size_t count) const {
    if (count != 0) not_null(given, "inputs");
    if (count > PTRDIFF_MAX / sizeof *given) {
      refuse("inputs", "a number that cannot be: " + std::to_string(count));
    }
    open_->inputs.clear();
    for (std::size_t i = 0; i != count; ++i) {
      open_->inputs.push_back(
          checked_input(given + i, model().max_tokens(), "input " + std::to_string(i)));
    }
    return open_->inputs;
  }

 private:
  std::shared_ptr<OpenSession> open_;
};

std::size_t ids_in(std::span<const Input> inputs) {
  std::size_t ids = 0;
  for (const Input& input : inputs) ids += input.ids().size();
  return ids;
}

}  // namespace
}  // namespace bertq::engine::c_api

using namespace bertq;
using namespace bertq::engine::c_api;

bertq_status bertq_session_create(const bertq_model* model, const bertq_session_options* options,
                                  bertq_session** session) {
  return call([&] {
    const auto found = find_model(model);
    bertq_session*& handle = not_null(session, "session");
    const bertq_session_options from = checked_options(options, "bertq_session_options");
    SessionOptions chosen_options;
    chosen_options.threads = from.threads;
    chosen_options.truncate = chosen(from.truncate, "truncate");
    chosen_options.max_tokens = from.max_tokens;
    handle = static_cast<bertq_session*>(Handles::instance().add(
        HandleKind::session, std::make_shared<OpenSession>(Session(*found, chosen_options))));
  });
}

bertq_status bertq_session_free(bertq_session* session) {
  return call([&] {
    if (session != nullptr) Handles::instance().remove(HandleKind::session, session);
  });
}

bertq_status bertq_classify(bertq_session* session, const bertq_input* inputs, size_t inputs_count,
                            bertq_classification* results) {
  return call([&] {
    const SessionInUse use(session);
    const auto given = use.inputs(inputs, inputs_count);
    if (given.empty()) return;
    bertq_classification* to = &not_null(results, "results");
    for (const Classification& result : use.session().classify_batch(given)) {
      *to++ = {result.index, result.score, result.truncated, 0};
    }
  });
}

bertq_status bertq_logits(bertq_session* session, const bertq_input* inputs, size_t inputs_count,
                          float* logits, size_t capacity, size_t* count) {
  return call([&] {
    const SessionInUse use(session);
    const Buffer<float> buffer(logits, capacity, count, "logits");
    const auto given = use.inputs(inputs, inputs_count);
    buffer.require_room(given.size() * use.model().outputs());
    buffer.write(given.empty() ? std::span<const float>() : use.session().logits(given).values);
  });
}

bertq_status bertq_embed(bertq_session* session, const bertq_input* inputs, size_t inputs_count,
                         const bertq_embed_options* options, float* vectors, size_t capacity,
                         size_t* count) {
  return call([&] {
    const SessionInUse use(session);
    const Buffer<float> buffer(vectors, capacity, count, "vectors");
    const auto from = checked_options(options, "bertq_embed_options");
    const EmbeddingOptions how = embedding_options(from.pooling, from.normalize);
    const auto given = use.inputs(inputs, inputs_count);
    buffer.require_room(given.size() * use.model().hidden());
    buffer.write(given.empty() ? std::span<const float>()
                               : use.session().embed_batch(given, how).values);
  });
}

bertq_status bertq_hidden_states(bertq_session* session, const bertq_input* inputs,
                                 size_t inputs_count, float* states, size_t capacity,
                                 size_t* count) {
  return call([&] {
    const SessionInUse use(session);
    const Buffer<float> buffer(states, capacity, count, "states");
    const auto given = use.inputs(inputs, inputs_count);
    buffer.require_room(ids_in(given) * use.model().hidden());
    buffer.write(given.empty() ? std::span<const float>()
                               : use.session().hidden_states_batch(given).values);
  });
}

bertq_status bertq_answer(bertq_session* session, const bertq_input* input,
                          const bertq_answer_options* options, bertq_answer_result* answer,
                          bertq_candidate* candidates, size_t capacity, size_t* count) {
  return call([&] {
    const SessionInUse use(session);
    const Buffer<bertq_candidate> buffer(candidates, capacity, count, "candidates");
    check_size(not_null(answer, "answer").size, sizeof *answer, "bertq_answer_result");
    check_apart(candidates, capacity, sizeof *candidates, answer, sizeof *answer, "candidates");
    check_apart(answer, 1, sizeof *answer, count, sizeof *count, "answer");
    const AnswerOptions how = answer_options(options);
    const Input given = checked_input(input, use.model().max_tokens(), "input");
    check_question(given);

    const Answer found = use.session().answer(given.text(), *given.pair(), how);
    // Without room for candidates, only the best one is wanted.
    buffer.write(candidates == nullptr ? std::vector<bertq_candidate>() : candidates_of(found));
    *answer = answer_result(found);
  });
}
