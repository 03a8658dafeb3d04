// What calibration makes of one layer.
#pragma once

#include <string>
#include <vector>

#include "engine/calibration/calibration.h"
#include "engine/calibration/input_statistics.h"
#include "engine/calibration/round_weights.h"
#include "engine/model/tensor_source.h"
#include "engine/precision/recipe.h"

namespace bertq::engine {

// How a layer is to be calibrated: all that its result depends on.
struct LayerRequest {
  RangeAlgorithm algorithm = RangeAlgorithm::minmax;
  Scheme scheme = Scheme::asymmetric;
  Granularity weights = Granularity::per_channel;
  CalibrationMethods methods;
};

struct CalibratedLayer {
  LayerChoice choice;
  Int8Layer rounded;  // where choice.rounding is `calibrated`
};

// The layers that read one input, in this order: the same for any choice of them.
struct LayerGroup {
  std::vector<std::string> modules;
  const InputStatistics& input;
};

// One result for each module of the group. Reads their weights from `source`, all at once. Weights
// that are stored as INT8 stay as they are: of them, only the range is found. In a
// jit::ThreadScope.
std::vector<CalibratedLayer> calibrate_group(const LayerGroup& group, const TensorSource& source,
                                             const LayerRequest& request, jit::Isa isa);

}  // namespace bertq::engine
