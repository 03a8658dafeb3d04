// Pooler and classifier: from the hidden states of the first tokens to logits.
#pragma once

#include "engine/model/weights.h"
#include "engine/model/workspace.h"
#include "engine/runtime/thread_pool.h"

namespace bertq {

// Reads rows 0..sequences of workspace.hidden, one a sequence, and fills workspace.dense_logits:
// classifier(tanh(pooler(x))). The model must have a classifier. Throws Error (input) if a logit is
// not finite. Regression is the case of one label.
void run_classifier(const Model::Impl& model, std::size_t sequences, ThreadPool& pool,
                    const Workspace& workspace);

}  // namespace bertq
