#include <memory>
#include <string>
#include <utility>

#include "bertq/error.h"
#include "engine/model/forward.h"
#include "engine/model/model.h"
#include "engine/model/sequence_check.h"
#include "engine/runtime/thread_pool.h"

namespace bertq::engine {

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
  check_batch(*impl_->model, batch);
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
  check_batch(*impl_->model, batch);
  return impl_->forward->logits(batch, impl_->observation);
}

std::span<const float> Session::token_logits(const PackedBatch& batch) {
  if (!impl_->model->heads().span) {
    throw Error(ErrorKind::input, "the checkpoint has no span head (qa_outputs)");
  }
  if (batch.sequences() == 0) return {};
  check_batch(*impl_->model, batch);
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
  impl_->observation.stopwatch = {observer, context};
}

void Session::observe_inputs(InputObserver observer, void* context) {
  impl_->observation.input = observer;
  impl_->observation.input_context = context;
}

}  // namespace bertq::engine
