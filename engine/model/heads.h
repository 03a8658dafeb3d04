// The heads: from hidden states to logits.
#pragma once

#include "engine/model/observation.h"
#include "engine/model/weights.h"
#include "engine/model/workspace.h"
#include "engine/runtime/thread_pool.h"

namespace bertq::engine {

// Reads rows 0..sequences of workspace.hidden, one a sequence, and fills workspace.dense_logits:
// classifier(tanh(pooler(x))). The model must have a classifier. Throws Error (input) if a logit is
// not finite. Regression is the case of one label.
void run_classifier(const Model::Impl& model, std::size_t sequences, ThreadPool& pool,
                    const Workspace& workspace, const Observation& observation);

// Reads rows 0..tokens of workspace.hidden and fills workspace.dense_logits with two a token: how
// likely an answer begins and ends there. The model must have a span head. Throws as above.
void run_span_head(const Model::Impl& model, std::size_t tokens, ThreadPool& pool,
                   const Workspace& workspace, const Observation& observation);

}  // namespace bertq::engine
