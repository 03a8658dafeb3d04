// Whether a model can run a sequence: its length, its token ids and its segments.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/model/model.h"
#include "engine/model/packed_batch.h"

namespace bertq::engine {

// Throws Error (input): "<place>: position 3: expected a token id below 30522, got 40000". `place`
// is empty or names the sequence, "sequence 2: ". Segments are as many as ids, or none, for all 0;
// otherwise Error (usage). Allocates nothing for a sequence that is good.
void check_sequence(const Model& model, std::span<const std::int32_t> ids,
                    std::span<const std::int32_t> segments, std::string_view place);
// Every sequence of the batch, by its number.
void check_batch(const Model& model, const PackedBatch& batch);

}  // namespace bertq::engine
