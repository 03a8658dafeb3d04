// The forward pass from token ids to the last layer's hidden states.
#pragma once

#include <cstddef>

#include "engine/model/model.h"
#include "engine/model/observation.h"
#include "engine/model/packed_batch.h"
#include "engine/model/weights.h"
#include "engine/model/workspace.h"
#include "engine/runtime/chain.h"
#include "engine/runtime/thread_pool.h"

namespace bertq::engine {

// Which tokens' final hidden states are wanted. Heads on [CLS] need only the first token of each
// sequence; since all but attention is row-wise, the last layer then computes only those rows, with
// the same bits.
enum class LastLayer : std::uint8_t { all_tokens, first_tokens };

// One forward pass over a batch that has been checked, in a workspace that fits it. Results are the
// first rows of workspace.hidden: one a token, or one a sequence. An observer of layers sees whole
// ones, so with one all tokens are computed.
class Encoder {
 public:
  Encoder(const Model::Impl& model, const PackedBatch& batch, ThreadPool& pool,
          Workspace& workspace, const Observation& observation)
      : model_(model),
        batch_(batch),
        pool_(pool),
        workspace_(workspace),
        observation_(observation) {}

  void run(LastLayer wanted) const;

 private:
  void embed() const;
  void attend(std::size_t layer, bool first_queries_only) const;
  // The row-wise rest of `layer`, and the next layer's query, key and value.
  void transform(std::size_t layer, std::size_t rows) const;

  void query_key_value(std::size_t layer, jit::Range rows, jit::Range columns) const;
  void keep_first_tokens() const;
  // Linear::run, seen by the observer of inputs.
  void multiply(const Linear& linear, const Rows& in, const Rows& out, const FloatRows& residual,
                std::size_t rows, jit::Range columns) const;
  void show_layer(std::size_t layer) const;

  const Model::Impl& model_;
  const PackedBatch& batch_;
  ThreadPool& pool_;
  Workspace& workspace_;
  const Observation& observation_;
};

}  // namespace bertq::engine
