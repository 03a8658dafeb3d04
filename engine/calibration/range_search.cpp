#include "engine/calibration/range_search.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "engine/calibration/kl_threshold.h"
#include "engine/calibration/squared_error_search.h"

namespace bertq::engine {
namespace {

constexpr float largest_byte = 255.0F;
constexpr std::size_t percentile_bins = 8192;

Extremes moving_average(const std::vector<Extremes>& batches) {
  constexpr float weight = 0.01F;
  Extremes average = batches.front();
  for (std::size_t i = 1; i < batches.size(); ++i) {
    average.least += weight * (batches[i].least - average.least);
    average.greatest += weight * (batches[i].greatest - average.greatest);
  }
  return average;
}

// The magnitude below which `percentile` of all lie, linear within a bin.
double quantile_of_magnitudes(const InputSummary& seen, double percentile) {
  const double largest = seen.extremes.magnitude();
  const std::vector<double> bins = seen.histogram.magnitudes(largest, percentile_bins);
  double missing = percentile / 100.0 * static_cast<double>(seen.histogram.count());
  for (std::size_t i = 0; i < bins.size(); ++i) {
    if (bins[i] > 0.0 && bins[i] >= missing) {
      return (static_cast<double>(i) + missing / bins[i]) * largest / percentile_bins;
    }
    missing -= bins[i];
  }
  return largest;
}

Extremes up_to(double magnitude, const Extremes& extremes) {
  const auto limit = static_cast<float>(magnitude);
  return {std::max(extremes.least, -limit), std::min(extremes.greatest, limit)};
}

Extremes with_zero(const Extremes& range) {
  return {std::min(range.least, 0.0F), std::max(range.greatest, 0.0F)};
}

}  // namespace

Extremes find_range(RangeAlgorithm algorithm, Scheme scheme, const InputSummary& seen,
                    double percentile) {
  const Extremes& extremes = seen.extremes;
  if (extremes.empty() || extremes.magnitude() == 0.0F) return {0.0F, 0.0F};
  const bool negative = extremes.least < 0.0F;
  switch (algorithm) {
    case RangeAlgorithm::minmax:
      return with_zero(extremes);
    case RangeAlgorithm::moving_average:
      return with_zero(moving_average(seen.batches));
    case RangeAlgorithm::percentile:
      return with_zero(up_to(quantile_of_magnitudes(seen, percentile), extremes));
    case RangeAlgorithm::kl:
      return with_zero(up_to(kl_threshold(seen.histogram.magnitudes(extremes.magnitude(), kl_bins),
                                          negative, extremes.magnitude()),
                             extremes));
    case RangeAlgorithm::histogram:
      return with_zero(histogram_observer_range(seen.histogram, extremes));
    case RangeAlgorithm::mse:
      return least_squares_range(seen.histogram, with_zero(extremes), scheme);
  }
  return with_zero(extremes);
}

ByteRange byte_range(const Extremes& range, Scheme scheme) {
  constexpr float least_scale = std::numeric_limits<float>::epsilon();
  if (scheme == Scheme::symmetric) {
    return {std::max(range.magnitude() / (largest_byte / 2.0F), least_scale), symmetric_zero_point};
  }
  const float scale = std::max((range.greatest - range.least) / largest_byte, least_scale);
  const float zero = std::clamp(-std::nearbyint(range.least / scale), 0.0F, largest_byte);
  return {scale, static_cast<std::int32_t>(zero)};
}

}  // namespace bertq::engine
