// At which magnitude to cut a distribution so that 255 steps tell most about it.
#pragma once

#include <cstddef>
#include <vector>

namespace bertq::engine {

inline constexpr std::size_t kl_bins = 2048;

// `counts` of kl_bins equal bins of magnitudes from 0 to `largest`. For each cut in the upper part
// of the range (the upper 40 %, or 30 % where there were no negative values), compares what lies
// below, with all beyond the cut counted to its last bin, with the same in 255 steps, each spread
// evenly over its bins that are not empty; the cut of the least Kullback-Leibler divergence wins,
// the lower one of two. This is KL_Divergence of LPOT v1.3, after MXNet's.
double kl_threshold(const std::vector<double>& counts, bool negative_values, double largest);

}  // namespace bertq::engine
