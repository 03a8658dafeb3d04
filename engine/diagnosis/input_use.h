// How well the 256 steps of a layer's input serve what the input really is.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/calibration/calibration.h"
#include "engine/precision/recipe.h"

namespace bertq::engine {

// A channel whose largest magnitude is far above that of most.
struct OutlierChannel {
  std::size_t channel = 0;
  double times_median = 0.0;
};

struct InputUse {
  // The share of the steps among which all but one in a thousand values lie: little means that a
  // few far values make the steps of all others coarse. Of channels with a range each, their mean.
  double steps_used = 0.0;
  std::vector<OutlierChannel> outliers;  // the farthest first
};

// Magnitudes from which a channel counts as an outlier, in medians of all channels.
inline constexpr double outlier_factor = 6.0;

// Of the input of a linear layer in INT8; none for a module that the statistics have not seen.
std::optional<InputUse> input_use(const CalibrationStatistics& statistics,
                                  const std::string& module, const LayerChoice& choice);

}  // namespace bertq::engine
