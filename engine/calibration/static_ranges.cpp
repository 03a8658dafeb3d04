#include "engine/calibration/calibration.h"
#include "engine/calibration/input_statistics.h"

namespace bertq::engine {

Recipe with_static_ranges(const Recipe& base, const CalibrationStatistics& statistics,
                          RangeAlgorithm algorithm, Scheme scheme) {
  Recipe recipe = base;
  for (const std::string& module : statistics.impl().modules) {
    const LayerChoice& before = base.of(module);
    if (before.precision != Precision::int8) continue;
    const Extremes range = find_range(
        algorithm, scheme, statistics.impl().inputs.find(input_of(module))->second.summary);
    const ByteRange bytes = byte_range(range, scheme);
    LayerChoice choice;
    choice.weights = before.weights;
    choice.clipping = before.clipping;
    choice.activations = Ranges::fixed;
    choice.algorithm = algorithm;
    choice.scheme = scheme;
    choice.scale = {bytes.scale};
    choice.zero_point = {bytes.zero_point};
    recipe.set(module, choice);
  }
  return recipe;
}

Recipe calibrate_minmax(const std::shared_ptr<const Model>& model,
                        std::span<const PackedBatch> samples, std::size_t threads,
                        const Recipe& base) {
  return with_static_ranges(base, *CalibrationStatistics::collect(model, samples, threads),
                            RangeAlgorithm::minmax, Scheme::asymmetric);
}

}  // namespace bertq::engine
