// Summaries of measured times.
#pragma once

#include <span>

namespace bertq::engine::cli {

// All of at least one value. A percentile is the nearest rank: a value that was measured.
double mean(std::span<const double> values);
double percentile(std::span<const double> values, double percent);

}  // namespace bertq::engine::cli
