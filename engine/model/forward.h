// One session's way through a model: from a batch to hidden states or logits.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "engine/model/observation.h"
#include "engine/model/packed_batch.h"
#include "engine/model/weights.h"
#include "engine/runtime/thread_pool.h"

namespace bertq::engine {

// Holds the working memory of one session; not thread-safe. Batches have been checked and are not
// empty, and the model has the head that is asked for. Results hold until the next call. All throw
// Error (input) for activations that are not finite, naming the layer.
class Forward {
 public:
  virtual ~Forward() = default;

  // Where batches are padded: to how many tokens; 0 for the longest's.
  virtual void set_padding(std::size_t) {}

  // [tokens][leading_dimension(hidden)]
  virtual std::span<const float> hidden_states(const PackedBatch& batch,
                                               const Observation& observation) = 0;
  // [sequences][labels]
  virtual std::span<const float> logits(const PackedBatch& batch,
                                        const Observation& observation) = 0;
  // [tokens][span_logits]
  virtual std::span<const float> token_logits(const PackedBatch& batch,
                                              const Observation& observation) = 0;
};

// In the arithmetic that the model was loaded for. Both must outlive it.
std::unique_ptr<Forward> make_forward(const Model::Impl& model, ThreadPool& pool);

}  // namespace bertq::engine
