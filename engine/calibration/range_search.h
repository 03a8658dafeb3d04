// The range that a layer's input is given: what calibration has seen of it, or less, where a few
// far values would make the steps of all others coarse.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/calibration/extremes.h"
#include "engine/calibration/value_histogram.h"
#include "engine/precision/recipe.h"

namespace bertq::engine {

// All values that one layer's input took.
struct InputSummary {
  Extremes extremes;
  std::vector<Extremes> batches;  // in their order
  ValueHistogram histogram;
};

// Of RangeAlgorithm::percentile: the share of magnitudes that stay within the range.
inline constexpr double default_percentile = 99.99;

// The range that `algorithm` finds; it includes zero. Of nothing seen: 0 to 0.
//
//   minmax          all values
//   moving_average  extremes of the batches, each drawing 1 % (PyTorch's
//                   MovingAverageMinMaxObserver, averaging_constant 0.01)
//   percentile      the magnitudes up to a quantile
//   kl              the magnitude at which 255 steps lose the least information: LPOT's and MXNet's
//                   KL divergence over 2048 bins
//   histogram       the least squared error that a search from both ends meets first (PyTorch's
//                   HistogramObserver, which LPOT calls "kl")
//   mse             the least squared error over ends that are drawn in one by one; of the
//                   symmetric scheme, both alike
Extremes find_range(RangeAlgorithm algorithm, Scheme scheme, const InputSummary& seen,
                    double percentile = default_percentile);

// x = scale * (q - zero_point), q in 0..255, or of a split channel 0..255 * columns.
struct ByteRange {
  float scale = 0.0F;
  std::int32_t zero_point = 0;
  std::uint32_t columns = 1;
  float steps() const { return 255.0F * static_cast<float>(columns); }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};
// As PyTorch's observers compute it, in f32: symmetric scale = max|x| / 127.5 about 128; else
// scale = (greatest - least) / 255. No scale is below FLT_EPSILON. `range` includes zero.
ByteRange byte_range(const Extremes& range, Scheme scheme);

}  // namespace bertq::engine
