#include "texts.h"

#include <bit>
#include <cmath>

#include "support/random.h"

namespace bertq::testing {
using namespace engine;

Text random_text(const ModelConfig& config, std::size_t length, std::uint64_t seed) {
  Random random(seed);
  Text text;
  for (std::size_t i = 0; i < length; ++i) {
    text.ids.push_back(static_cast<std::int32_t>(random.below(config.vocabulary)));
    text.segments.push_back(config.segments > 1 && i > length / 2 ? 1 : 0);
  }
  return text;
}

PackedBatch batch_of(std::span<const Text> texts) {
  PackedBatch batch;
  for (const Text& text : texts) batch.add(text.ids, text.segments);
  return batch;
}

std::vector<float> states_of(const PackedBatch& batch, std::span<const float> states,
                             std::size_t ld, std::size_t hidden, std::size_t index) {
  std::vector<float> dense;
  for (std::size_t i = 0; i < batch.length(index); ++i) {
    const std::span<const float> row = states.subspan((batch.begin(index) + i) * ld, hidden);
    dense.insert(dense.end(), row.begin(), row.end());
  }
  return dense;
}

std::uint64_t hash_of(std::span<const float> values) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const float value : values) {
    hash = (hash ^ std::bit_cast<std::uint32_t>(value)) * 0x100000001b3U;
    hash ^= hash >> 29U;
  }
  return hash;
}

double relative_error(std::span<const float> got, std::span<const double> want) {
  double error = 0.0, size = 0.0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double difference = static_cast<double>(got[i]) - want[i];
    error += difference * difference;
    size += want[i] * want[i];
  }
  return std::sqrt(error / size);
}

}  // namespace bertq::testing
