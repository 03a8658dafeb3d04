#include "engine/calibration/kl_threshold.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bertq::engine {
namespace {

constexpr std::size_t steps = 255;

// Sums over the first i bins, so that the sums over any bins are differences.
struct PrefixSums {
  explicit PrefixSums(const std::vector<double>& counts)
      : count(counts.size() + 1), filled(counts.size() + 1), count_log(counts.size() + 1) {
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const bool empty = counts[i] <= 0.0;
      count[i + 1] = count[i] + counts[i];
      filled[i + 1] = filled[i] + (empty ? 0.0 : 1.0);
      count_log[i + 1] = count_log[i] + (empty ? 0.0 : counts[i] * std::log(counts[i]));
    }
  }
  std::vector<double> count, filled, count_log;  // c, c > 0, c log c
};

// The divergence of the first `cut` bins, the last of which is not empty, from their 255 steps.
//
// With p the counts (of the last bin: with all beyond it), P their sum, q the steps spread over
// p's bins and Q their sum, it is sum(p / P * log((p / P) / (q / Q))). Since q is the same in
// all filled bins of a step, sum(p log q) needs one logarithm a step.
double divergence(const std::vector<double>& counts, const PrefixSums& sums, std::size_t cut) {
  const double beyond = sums.count.back() - sums.count[cut];
  const double last = counts[cut - 1] + beyond;
  const double total = sums.count.back(), kept = sums.count[cut];
  const double p_log_p = sums.count_log[cut - 1] + last * std::log(last);
  double p_log_q = 0.0;
  const std::size_t merged = cut / steps;
  for (std::size_t step = 0; step < steps; ++step) {
    const std::size_t begin = step * merged;
    const std::size_t end = step + 1 == steps ? cut : begin + merged;
    const double filled = sums.filled[end] - sums.filled[begin];
    if (filled == 0.0) continue;
    const double count = sums.count[end] - sums.count[begin];
    const double p = count + (end == cut ? beyond : 0.0);
    p_log_q += p * std::log(count / filled);
  }
  return (p_log_p - p_log_q) / total + std::log(kept / total);
}

}  // namespace

double kl_threshold(const std::vector<double>& counts, bool negative_values, double largest) {
  const double width = largest / static_cast<double>(counts.size());
  const PrefixSums sums(counts);
  const std::size_t last = counts.size() - 1;
  const double share = negative_values ? 0.6 : 0.7;
  const auto first = static_cast<std::size_t>(static_cast<double>(last) * share);
  double least = std::numeric_limits<double>::infinity();
  double threshold = largest;
  for (std::size_t cut = std::max(first, steps); cut <= last; ++cut) {
    if (counts[cut - 1] <= 0.0) continue;
    const double here = divergence(counts, sums, cut);
    if (here >= least) continue;
    least = here;
    threshold = (static_cast<double>(cut) + 0.5) * width;
  }
  return std::min(threshold, largest);
}

}  // namespace bertq::engine
