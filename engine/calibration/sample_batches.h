// The inputs that calibration runs.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/model/packed_batch.h"
#include "engine/task/evaluation_set.h"

namespace bertq::engine {

inline constexpr std::size_t default_calibration_samples = 500;
// Sequences that share a batch, whose extremes count as one (RangeAlgorithm::moving_average).
inline constexpr std::size_t calibration_batch = 8;

// At most `samples` of the set's inputs, evenly spaced from its first to its last, in their order.
std::vector<PackedBatch> sample_batches(const EvaluationSet& set, std::size_t samples);

}  // namespace bertq::engine
