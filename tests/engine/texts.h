// Random token sequences, and what tests compare of a model's answers to them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/model/config.h"
#include "engine/model/model.h"
#include "engine/model/packed_batch.h"

namespace bertq::testing {
using namespace engine;

struct Text {
  std::vector<std::int32_t> ids, segments;
};

// A text of `length` tokens, the second half of which is a second segment.
Text random_text(const ModelConfig& config, std::size_t length, std::uint64_t seed);

PackedBatch batch_of(std::span<const Text> texts);

// The hidden states of sequence `index` as dense rows.
std::vector<float> states_of(const PackedBatch& batch, std::span<const float> states,
                             std::size_t ld, std::size_t hidden, std::size_t index);

// Of the bits: -0 and +0 differ.
std::uint64_t hash_of(std::span<const float> values);

// Root mean square of got - want, relative to that of want.
double relative_error(std::span<const float> got, std::span<const double> want);

}  // namespace bertq::testing
