// Ranges by the squared error that 256 steps leave.
#pragma once

#include "engine/calibration/extremes.h"
#include "engine/calibration/value_histogram.h"
#include "engine/precision/recipe.h"

namespace bertq::engine {

// The search of PyTorch's HistogramObserver: 2048 bins; from either end, in steps of 0.00001 of all
// values, the end moves that then leaves more bins behind, until the error grows. `extremes` are
// those of all values, least < greatest or equal.
Extremes histogram_observer_range(const ValueHistogram& histogram, const Extremes& extremes);

// Draws each end in by hundredths, in turn, to the least error: a twelfth of the squared step
// within the range, the squared distance to it beyond. `extremes` includes zero and is wider than
// that.
Extremes least_squares_range(const ValueHistogram& histogram, const Extremes& extremes,
                             Scheme scheme);

}  // namespace bertq::engine
