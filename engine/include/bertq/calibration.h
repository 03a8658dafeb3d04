// Fixed ranges for the inputs of linear layers, from sample texts: post-training static
// quantisation.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "bertq/model.h"
#include "bertq/packed_batch.h"
#include "bertq/recipe.h"

namespace bertq {

// Runs the samples through `model`, all of whose linear layers must be FP32, and returns `base`
// with static ranges for each INT8 linear layer: the least and the greatest value that its input
// took in any sample, zero included, as 256 steps of one length. Layers whose head the checkpoint
// lacks and the products of attention stay as `base` has them. Throws Error (usage) for a model
// that is not FP32 or without samples, and what Session throws.
Recipe calibrate_minmax(const std::shared_ptr<const Model>& model,
                        std::span<const PackedBatch> samples, std::size_t threads,
                        const Recipe& base);

}  // namespace bertq
