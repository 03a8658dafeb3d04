#include "engine/calibration/sample_batches.h"

#include <algorithm>

namespace bertq::engine {

std::vector<PackedBatch> sample_batches(const EvaluationSet& set, std::size_t samples) {
  const auto inputs = set.inputs();
  const std::size_t count = std::min(samples, inputs.size());
  std::vector<PackedBatch> batches;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % calibration_batch == 0) batches.emplace_back();
    const tokenizer::Encoding& input = inputs[i * inputs.size() / count];
    batches.back().add(input.ids, input.segments);
  }
  return batches;
}

}  // namespace bertq::engine
