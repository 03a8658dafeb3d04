#include "engine/calibration/squared_error_search.h"

#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

namespace bertq::engine {
namespace {

constexpr std::size_t bin_count = 2048;
constexpr double byte_steps = 256.0;
constexpr int hundredths = 100;
constexpr int narrowest = 10;  // hundredths of the whole range
constexpr int turns = 2;

// The sum of squared distances of values spread evenly from `begin` to `end`, `density` a unit.
double squared_norm(double begin, double end, double density) {
  return density * (end * end * end - begin * begin * begin) / 3.0;
}

// The bins and the part of them that the 256 steps cover, counted in bins.
class ObserverSearch {
 public:
  ObserverSearch(std::vector<double> counts, double width)
      : counts_(std::move(counts)), width_(width), sums_(counts_.size()) {
    std::partial_sum(counts_.begin(), counts_.end(), sums_.begin());
  }

  struct Bins {
    std::size_t first = 0, last = 0;  // both included
    friend bool operator==(const Bins&, const Bins&) = default;
  };
  Bins run() const;

 private:
  double error(const Bins& kept) const;

  std::vector<double> counts_;
  double width_;
  std::vector<double> sums_;
};

// A bin's values lie evenly in it; those in several steps are divided among them.
double ObserverSearch::error(const Bins& kept) const {
  const double step = width_ * static_cast<double>(kept.last - kept.first + 1) / byte_steps;
  if (step == 0.0) return 0.0;
  const double whole_step = squared_norm(-step / 2.0, step / 2.0, 1.0);
  const auto step_of = [&](double x) {
    return std::clamp(std::floor(x / step), 0.0, byte_steps - 1.0);
  };
  double sum = 0.0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0.0) continue;
    const double density = counts_[i] / width_;
    const double begin = (static_cast<double>(i) - static_cast<double>(kept.first)) * width_;
    const double end = begin + width_;
    const double first = step_of(begin), last = step_of(end);
    sum += squared_norm(begin - (first + 0.5) * step, step / 2.0, density);
    sum += (last - first - 1.0) * density * whole_step;
    sum += squared_norm(-step / 2.0, end - (last + 0.5) * step, density);
  }
  return sum;
}

ObserverSearch::Bins ObserverSearch::run() const {
  constexpr double quantile_step = 1e-5;
  Bins kept{0, counts_.size() - 1};
  double below = 0.0, above = 1.0;  // the quantiles that the ends have come to
  double least = std::numeric_limits<double>::infinity();
  while (below < above) {
    const double next_below = below + quantile_step, next_above = above - quantile_step;
    std::size_t first = kept.first, last = kept.last;
    while (first < kept.last && sums_[first] < next_below * sums_.back()) ++first;
    while (last > kept.first && sums_[last] > next_above * sums_.back()) --last;
    Bins next = kept;
    if (first - kept.first > kept.last - last) {
      next.first = first;
      below = next_below;
    } else {
      next.last = last;
      above = next_above;
    }
    if (next == kept) continue;
    const double here = error(next);
    if (here > least) break;
    least = here;
    kept = next;
  }
  return kept;
}

// What clipping and rounding cost for any ends, from the sums of x^0, x^1, x^2 over the bins.
class ClippedError {
 public:
  ClippedError(const ValueHistogram& histogram, const Extremes& extremes)
      : first_(extremes.least),
        width_((static_cast<double>(extremes.greatest) - extremes.least) / bin_count),
        counts_(histogram.between(extremes.least, extremes.greatest, bin_count)) {}

  double of(double least, double greatest, double steps) const {
    const double step = (greatest - least) / steps;
    double clipped = 0.0, kept = 0.0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      const double x = first_ + (static_cast<double>(i) + 0.5) * width_;
      const double distance = std::max({least - x, x - greatest, 0.0});
      clipped += counts_[i] * distance * distance;
      if (distance == 0.0) kept += counts_[i];
    }
    return clipped + kept * step * step / 12.0;
  }

 private:
  double first_, width_;
  std::vector<double> counts_;
};

}  // namespace

Extremes histogram_observer_range(const ValueHistogram& histogram, const Extremes& extremes) {
  if (extremes.least >= extremes.greatest) return extremes;
  const double width = (static_cast<double>(extremes.greatest) - extremes.least) / bin_count;
  const ObserverSearch search(histogram.between(extremes.least, extremes.greatest, bin_count),
                              width);
  const ObserverSearch::Bins kept = search.run();
  const auto place = [&](std::size_t bin) {
    return static_cast<float>(extremes.least + width * static_cast<double>(bin));
  };
  return {place(kept.first), place(kept.last + 1)};
}

Extremes least_squares_range(const ValueHistogram& histogram, const Extremes& extremes,
                             Scheme scheme) {
  constexpr double steps = byte_steps - 1.0;
  const ClippedError error(histogram, extremes);
  // Tries every share of the whole range, the widest first, and returns the best.
  const auto best_share = [&](auto&& error_at) {
    int best = hundredths;
    double least = error_at(1.0);
    for (int i = hundredths - 1; i >= narrowest; --i) {
      const double here = error_at(static_cast<double>(i) / hundredths);
      if (here >= least) continue;
      least = here;
      best = i;
    }
    return static_cast<double>(best) / hundredths;
  };
  if (scheme == Scheme::symmetric) {
    const double magnitude = extremes.magnitude();
    const double share = best_share(
        [&](double part) { return error.of(-magnitude * part, magnitude * part, steps); });
    const auto limit = static_cast<float>(magnitude * share);
    return {std::max(extremes.least, -limit), std::min(extremes.greatest, limit)};
  }
  double least = extremes.least, greatest = extremes.greatest;
  for (int turn = 0; turn < turns; ++turn) {
    if (extremes.greatest > 0.0F) {
      greatest = extremes.greatest * best_share([&](double part) {
                   return error.of(least, extremes.greatest * part, steps);
                 });
    }
    if (extremes.least < 0.0F) {
      least = extremes.least * best_share([&](double part) {
                return error.of(extremes.least * part, greatest, steps);
              });
    }
  }
  return {static_cast<float>(least), static_cast<float>(greatest)};
}

}  // namespace bertq::engine
