#include "engine/model/forward.h"

#include "engine/model/encoder.h"
#include "engine/model/heads.h"
#include "engine/model/workspace.h"
#include "engine/quantized/quantized_forward.h"

namespace bertq::engine {
namespace {

// In bertq's own arithmetic, as the recipe says: steps fused in chains, no padding anywhere.
class FusedForward final : public Forward {
 public:
  FusedForward(const Model::Impl& model, ThreadPool& pool)
      : model_(model), pool_(pool), workspace_(model, pool.threads()) {}

  std::span<const float> hidden_states(const PackedBatch& batch,
                                       const Observation& observation) override {
    encode(batch, LastLayer::all_tokens, observation);
    return {workspace_.hidden.data, batch.tokens() * workspace_.hidden.ld};
  }

  std::span<const float> logits(const PackedBatch& batch, const Observation& observation) override {
    encode(batch, LastLayer::first_tokens, observation);
    run_classifier(model_, batch.sequences(), pool_, workspace_, observation);
    return workspace_.dense_logits.first(batch.sequences() * model_.classifier->outputs());
  }

  std::span<const float> token_logits(const PackedBatch& batch,
                                      const Observation& observation) override {
    encode(batch, LastLayer::all_tokens, observation);
    run_span_head(model_, batch.tokens(), pool_, workspace_, observation);
    return workspace_.dense_logits.first(batch.tokens() * span_logits);
  }

 private:
  void encode(const PackedBatch& batch, LastLayer wanted, const Observation& observation) {
    workspace_.fit(batch);
    Encoder(model_, batch, pool_, workspace_, observation).run(wanted);
  }

  const Model::Impl& model_;
  ThreadPool& pool_;
  Workspace workspace_;
};

}  // namespace

std::unique_ptr<Forward> make_forward(const Model::Impl& model, ThreadPool& pool) {
  if (model.quantized) return std::make_unique<QuantizedForward>(model, pool);
  return std::make_unique<FusedForward>(model, pool);
}

}  // namespace bertq::engine
