#include "bertq/session.hpp"

#include <algorithm>
#include <utility>

#include "engine/api/guarded.h"
#include "engine/api/question.h"
#include "engine/api/results.h"
#include "engine/api/session_impl.h"
#include "engine/runtime/cpu_count.h"
#include "engine/task/evaluate.h"

namespace bertq {
namespace {

// That one thread is using the session, for as long as it exists.
class Use {
 public:
  Use(std::atomic<bool>& busy, unsigned made_in) : busy_(busy) {
    if (made_in != forks()) {
      throw Error(ErrorKind::usage,
                  "a session of the parent process, whose threads this one does not have: make "
                  "sessions after fork()");
    }
    if (busy_.exchange(true, std::memory_order_acquire)) {
      throw Error(ErrorKind::usage,
                  "a session that another thread is using: make one for each thread");
    }
  }
  ~Use() { busy_.store(false, std::memory_order_release); }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  std::atomic<bool>& busy_;
};

std::unique_ptr<engine::Session> make_session(const Model& model, const SessionOptions& options,
                                              std::shared_ptr<engine::SharedThreadPool> pool) {
  const auto& inner = model.impl().model;
  if (pool) return std::make_unique<engine::Session>(inner, std::move(pool));
  return std::make_unique<engine::Session>(inner, engine::threads_of_each(options.threads));
}

std::size_t token_limit(const Model& model, std::size_t asked) {
  if (asked == 0) return model.max_tokens();
  if (asked <= model.max_tokens()) return asked;
  throw Error(ErrorKind::usage, "max_tokens: expected at most the model's " +
                                    std::to_string(model.max_tokens()) + ", got " +
                                    std::to_string(asked));
}

void require(bool has, const Model& model, const char* head) {
  if (has) return;
  throw Error(ErrorKind::input, model.name() + ": expected a " + head + ", got none");
}

}  // namespace

ThreadPool::ThreadPool(std::size_t threads, const std::string& isa)
    : impl_(guarded([&] {
        return std::make_shared<Impl>(Impl{std::make_shared<engine::SharedThreadPool>(
            engine::threads_of_each(threads), jit::select_isa(isa))});
      })) {}

std::size_t ThreadPool::threads() const {
  return of_handle(impl_, "thread pool").pool->threads();
}

Session::Impl::Impl(const Model& of_model, const SessionOptions& options,
                    std::unique_ptr<engine::Session> own_session, engine::Session& used)
    : model(of_model),
      outputs(of_model.outputs()),
      own(std::move(own_session)),
      session(used),
      made_in(forks()),
      reader(*model.impl().files, token_limit(model, options.max_tokens), options.truncate) {}

Session::Impl::~Impl() {
  // Its threads are not in a child process, and waiting for their end would not end.
  if (made_in != forks()) static_cast<void>(own.release());
}

template <typename Run>
void Session::Impl::run_batches(std::span<const Input> inputs, const Run& run) {
  values.clear();
  truncated.clear();
  batch.clear();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const ReadInput read = reader.read(inputs, i);
    const bool full = batch.tokens() + read.ids.size() > engine::batch_tokens;
    if (full && batch.sequences() > 0 && !model.depends_on_batch()) {
      run();
      batch.clear();
    }
    batch.add(read.ids, read.segments);
    truncated.push_back(read.truncated);
  }
  if (batch.sequences() > 0) run();
}

void Session::Impl::run_logits(std::span<const Input> inputs) {
  run_batches(inputs, [this] {
    const auto logits = session.logits(batch);
    values.insert(values.end(), logits.begin(), logits.end());
  });
}

void Session::Impl::run_hidden_states(std::span<const Input> inputs) {
  const std::size_t hidden = model.hidden();
  run_batches(inputs, [this, hidden] {
    const float* row = session.hidden_states(batch).data();
    for (std::size_t token = 0; token < batch.tokens(); ++token, row += session.hidden_ld()) {
      values.insert(values.end(), row, row + hidden);
    }
  });
}

void Session::Impl::run_embeddings(std::span<const Input> inputs, const EmbeddingOptions& options) {
  const engine::PoolingChoice choice = pooling_choice(*model.impl().files, options);
  const std::size_t hidden = model.hidden();
  run_batches(inputs, [&] {
    const auto states = session.hidden_states(batch);
    const std::size_t before = values.size();
    values.resize(before + batch.sequences() * hidden);
    engine::pool(batch, states, session.hidden_ld(), hidden, choice,
                 std::span(values).subspan(before));
  });
}

void Session::Impl::classify(std::span<const Input> inputs) {
  require(model.classifies(), model, "classification head");
  run_logits(inputs);
  probabilities.resize(values.size());
  classifications.clear();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    classifications.push_back(
        classification_of(model, std::span<const float>(values).subspan(i * outputs, outputs),
                          std::span(probabilities).subspan(i * outputs, outputs), truncated[i]));
  }
}

Answer Session::Impl::answer(std::string_view question, std::string_view context,
                             const AnswerOptions& options) {
  require(model.answers(), model, "span head (qa_outputs)");
  const Question asked(*model.impl().files, reader.max_tokens(), question, context, options);
  const auto inputs = asked.inputs();
  // Windows of one question are a batch of their own, where answers depend on it.
  const engine::ModelOutputs outputs_of_windows =
      engine::run_inputs(session, engine::TaskHead::span, inputs,
                         model.depends_on_batch() ? std::max<std::size_t>(inputs.size(), 1) : 0,
                         [](std::size_t) {})
          .outputs;
  std::vector<std::span<const float>> logits;
  for (std::size_t i = 0; i < inputs.size(); ++i) logits.push_back(outputs_of_windows.of(i));
  return asked.answer(logits, answers);
}

Session::Session(const Model& model, const SessionOptions& options)
    : impl_(guarded([&] {
        auto own = make_session(
            model, options,
            options.pool ? of_handle(options.pool->impl_, "thread pool").pool : nullptr);
        engine::Session& used = *own;
        return std::make_unique<Impl>(model, options, std::move(own), used);
      })) {}
Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

template <typename Function>
decltype(auto) Session::use(Function&& function) {
  return guarded([&]() -> decltype(auto) {
    Impl& impl = of_handle(impl_, "session");
    const Use use(impl.busy, impl.made_in);
    return function(impl);
  });
}

const Model& Session::model() const {
  return of_handle(impl_, "session").model;
}

const Classification& Session::classify(const Input& input) {
  return use([&](Impl& impl) -> const Classification& {
    impl.classify({&input, 1});
    return impl.classifications.front();
  });
}

std::span<const Classification> Session::classify_batch(std::span<const Input> inputs) {
  return use([&](Impl& impl) -> std::span<const Classification> {
    impl.classify(inputs);
    return impl.classifications;
  });
}

double Session::regress(const Input& input) {
  return static_cast<double>(regress_batch({&input, 1}).front());
}

std::span<const float> Session::regress_batch(std::span<const Input> inputs) {
  return use([&](Impl& impl) -> std::span<const float> {
    require(impl.model.regresses(), impl.model, "regression head");
    impl.run_logits(inputs);
    return impl.values;
  });
}

Rows Session::logits(std::span<const Input> inputs) {
  return use([&](Impl& impl) {
    require(impl.outputs > 0, impl.model, "classification head");
    impl.run_logits(inputs);
    return Rows{impl.values, impl.outputs};
  });
}

std::span<const float> Session::embed(const Input& input, const EmbeddingOptions& options) {
  return embed_batch({&input, 1}, options).values;
}

Rows Session::embed_batch(std::span<const Input> inputs, const EmbeddingOptions& options) {
  return use([&](Impl& impl) {
    impl.run_embeddings(inputs, options);
    return Rows{impl.values, impl.model.hidden()};
  });
}

Rows Session::hidden_states(const Input& input) {
  return hidden_states_batch({&input, 1});
}

Rows Session::hidden_states_batch(std::span<const Input> inputs) {
  return use([&](Impl& impl) {
    impl.run_hidden_states(inputs);
    return Rows{impl.values, impl.model.hidden()};
  });
}

Rows Session::token_logits(const Input& input) {
  return use([&](Impl& impl) {
    require(impl.model.answers(), impl.model, "span head (qa_outputs)");
    impl.run_batches({&input, 1}, [&impl] {
      const auto logits = impl.session.token_logits(impl.batch);
      impl.values.assign(logits.begin(), logits.end());
    });
    return Rows{impl.values, engine::span_logits};
  });
}

Answer Session::answer(std::string_view question, std::string_view context,
                       const AnswerOptions& options) {
  return use([&](Impl& impl) { return impl.answer(question, context, options); });
}

}  // namespace bertq
