#include <memory>
#include <string>
#include <utility>

#include "bertq/error.h"
#include "engine/model/forward.h"
#include "engine/model/model.h"
#include "engine/model/sequence_check.h"
#include "engine/runtime/shared_thread_pool.h"

namespace bertq::engine {

struct Session::Impl {
  Impl(std::shared_ptr<const Model> shared_model, std::shared_ptr<SharedThreadPool> shared_pool)
      : model(std::move(shared_model)),
        pool(std::move(shared_pool)),
        forward(make_forward(model->impl(), pool->pool())) {
    if (pool->isa() == model->isa()) return;
    throw Error(ErrorKind::usage, "expected threads for " +
                                      std::string(jit::isa_name(model->isa())) +
                                      ", as the model is, got some for " +
                                      std::string(jit::isa_name(pool->isa())));
  }

  std::shared_ptr<const Model> model;
  std::shared_ptr<SharedThreadPool> pool;
  std::unique_ptr<Forward> forward;
  Observation observation;
};

Session::Session(std::shared_ptr<const Model> model, std::size_t threads)
    : Session(model, std::make_shared<SharedThreadPool>(threads, model->isa())) {}
Session::Session(std::shared_ptr<const Model> model, std::shared_ptr<SharedThreadPool> pool)
    : impl_(std::make_unique<Impl>(std::move(model), std::move(pool))) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

std::span<const float> Session::hidden_states(const PackedBatch& batch) {
  if (batch.sequences() == 0) return {};
  check_batch(*impl_->model, batch);
  const auto turn = impl_->pool->take_turn();
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
  const auto turn = impl_->pool->take_turn();
  return impl_->forward->logits(batch, impl_->observation);
}

std::span<const float> Session::token_logits(const PackedBatch& batch) {
  if (!impl_->model->heads().span) {
    throw Error(ErrorKind::input, "the checkpoint has no span head (qa_outputs)");
  }
  if (batch.sequences() == 0) return {};
  check_batch(*impl_->model, batch);
  const auto turn = impl_->pool->take_turn();
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
