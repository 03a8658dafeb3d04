#include <memory>
#include <string>
#include <utility>

#include "bertq/error.h"
#include "engine/model/forward.h"
#include "engine/model/model.h"
#include "engine/runtime/thread_pool.h"

namespace bertq::engine {
namespace {

[[noreturn]] void fail(std::size_t sequence, const std::string& what) {
  throw Error(ErrorKind::input, "sequence " + std::to_string(sequence) + ": " + what);
}

void check_values(std::span<const std::int32_t> values, std::size_t limit, std::size_t sequence,
                  const char* name) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] >= 0 && static_cast<std::size_t>(values[i]) < limit) continue;
    fail(sequence, "position " + std::to_string(i) + ": expected " + name + " below " +
                       std::to_string(limit) + ", got " + std::to_string(values[i]));
  }
}

void check_batch(const PackedBatch& batch, const Model::Impl& model) {
  const ModelConfig& config = model.config;
  for (std::size_t sequence = 0; sequence < batch.sequences(); ++sequence) {
    const std::size_t begin = batch.begin(sequence);
    const std::size_t length = batch.length(sequence);
    if (length == 0 || length > config.positions) {
      fail(sequence, "expected 1 to " + std::to_string(config.positions) + " tokens, got " +
                         std::to_string(length));
    }
    check_values(batch.ids().subspan(begin, length), config.vocabulary, sequence, "a token id");
    check_values(batch.segments().subspan(begin, length), model.embeddings->segments(), sequence,
                 "a segment");
  }
}

}  // namespace

struct Session::Impl {
  Impl(std::shared_ptr<const Model> shared_model, std::size_t threads)
      : model(std::move(shared_model)),
        pool(threads, model->isa()),
        forward(make_forward(model->impl(), pool)) {}

  std::shared_ptr<const Model> model;
  ThreadPool pool;
  std::unique_ptr<Forward> forward;
  Observation observation;
};

Session::Session(std::shared_ptr<const Model> model, std::size_t threads)
    : impl_(std::make_unique<Impl>(std::move(model), threads)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

std::span<const float> Session::hidden_states(const PackedBatch& batch) {
  if (batch.sequences() == 0) return {};
  check_batch(batch, impl_->model->impl());
  return impl_->forward->hidden_states(batch, impl_->observation);
}

std::size_t Session::hidden_ld() const {
  return leading_dimension(impl_->model->config().hidden);
}

std::span<const float> Session::logits(const PackedBatch& batch) {
  if (!impl_->model->heads().classifier) {
    throw Error(ErrorKind::input, "the checkpoint has no classification head");
  }
  if (batch.sequences() == 0) return {};
  check_batch(batch, impl_->model->impl());
  return impl_->forward->logits(batch, impl_->observation);
}

std::span<const float> Session::token_logits(const PackedBatch& batch) {
  if (!impl_->model->heads().span) {
    throw Error(ErrorKind::input, "the checkpoint has no span head (qa_outputs)");
  }
  if (batch.sequences() == 0) return {};
  check_batch(batch, impl_->model->impl());
  return impl_->forward->token_logits(batch, impl_->observation);
}

const Model& Session::model() const {
  return *impl_->model;
}

void Session::pad_to(std::size_t length) {
  const std::size_t positions = impl_->model->config().positions;
  if (length > positions) {
    throw Error(ErrorKind::input, "--pad-to: expected at most the " + std::to_string(positions) +
                                      " positions of the model, got " + std::to_string(length));
  }
  impl_->forward->set_padding(length);
}

void Session::observe_layers(LayerObserver observer, void* context) {
  impl_->observation.layer = observer;
  impl_->observation.layer_context = context;
}

void Session::observe_times(TimeObserver observer, void* context) {
  impl_->observation.time = observer;
  impl_->observation.time_context = context;
}

void Session::observe_inputs(InputObserver observer, void* context) {
  impl_->observation.input = observer;
  impl_->observation.input_context = context;
}

}  // namespace bertq::engine
