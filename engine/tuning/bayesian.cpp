// LPOT's strategy `bayesian`: each module with a choice is a dimension 0..n, cut to an option's
// index; a Gaussian process of the scores says where the upper confidence bound is highest.
//
// Points at random come from numpy's generator, as LPOT's do. Which of the local maxima is found
// depends on the optimiser: LPOT's is SciPy's L-BFGS-B, here it is projected gradient ascent.

#include <algorithm>
#include <numeric>
#include <set>

#include "engine/tuning/gaussian_process.h"
#include "engine/tuning/model_wise.h"
#include "engine/tuning/numpy_random.h"
#include "engine/tuning/strategy.h"

namespace bertq::engine {
namespace {

constexpr double kappa = 2.576;
constexpr std::size_t random_points = 10'000, ascents = 10, ascent_steps = 50, halvings = 20;

// What a dimension of a point decides.
struct Dimension {
  std::string name;
  std::size_t module = 0;  // modules.size(): the number of samples to calibrate with
  std::vector<std::uint16_t> options;
  double size() const { return static_cast<double>(options.size()); }
};

// By name, as LPOT sorts them.
std::vector<Dimension> dimensions_of(const TuningSpace& space) {
  std::vector<Dimension> dimensions;
  for (std::size_t i = 0; i < space.modules.size(); ++i) {
    auto options = searched_options(space.modules[i]);
    if (options.size() > 1) dimensions.push_back({space.modules[i].name, i, std::move(options)});
  }
  if (space.sampling_sizes.size() > 1) {
    Dimension sampling{"calib_iteration", space.modules.size(), {}};
    sampling.options.resize(space.sampling_sizes.size());
    std::iota(sampling.options.begin(), sampling.options.end(), std::uint16_t{0});
    dimensions.push_back(std::move(sampling));
  }
  std::sort(dimensions.begin(), dimensions.end(),
            [](const Dimension& a, const Dimension& b) { return a.name < b.name; });
  return dimensions;
}

Configuration configuration_at(const TuningSpace& space, const std::vector<Dimension>& dimensions,
                               const Point& point) {
  Configuration configuration = first_options(space, 0);
  for (std::size_t i = 0; i < space.modules.size(); ++i) {
    configuration.options[i] = searched_options(space.modules[i]).front();
  }
  for (std::size_t d = 0; d < dimensions.size(); ++d) {
    const Dimension& dimension = dimensions[d];
    const auto place = std::min(static_cast<std::size_t>(point[d]), dimension.options.size() - 1);
    if (dimension.module == space.modules.size()) {
      configuration.sampling = dimension.options[place];
    } else {
      configuration.options[dimension.module] = dimension.options[place];
    }
  }
  return configuration;
}

Point random_point(const std::vector<Dimension>& dimensions, NumpyRandom& random) {
  Point point;
  for (const Dimension& dimension : dimensions)
    point.push_back(random.uniform(0, dimension.size()));
  return point;
}

// Uphill within the bounds, with steps that shrink until they gain something.
std::pair<double, Point> ascend(const GaussianProcess& process,
                                const std::vector<Dimension>& dimensions, Point point) {
  Point gradient;
  double value = process.upper_bound(point, kappa, &gradient);
  double step = 1.0;
  for (std::size_t i = 0; i < ascent_steps; ++i) {
    bool gained = false;
    for (std::size_t half = 0; half < halvings && !gained; ++half, step /= 2.0) {
      Point next = point;
      for (std::size_t d = 0; d < next.size(); ++d) {
        next[d] = std::clamp(next[d] + step * gradient[d], 0.0, dimensions[d].size());
      }
      Point next_gradient;
      const double next_value = process.upper_bound(next, kappa, &next_gradient);
      if (next_value <= value) continue;
      gained = true;
      value = next_value;
      point = std::move(next);
      gradient = std::move(next_gradient);
      step *= 4.0;
    }
    if (!gained) break;
  }
  return {value, std::move(point)};
}

Point most_promising(const GaussianProcess& process, const std::vector<Dimension>& dimensions,
                     NumpyRandom& random) {
  Point best;
  double highest = 0.0;
  const auto offer = [&](double value, Point point) {
    if (!best.empty() && value < highest) return;
    highest = value;
    best = std::move(point);
  };
  for (std::size_t i = 0; i < random_points; ++i) {
    Point point = random_point(dimensions, random);
    const double value = process.upper_bound(point, kappa);
    if (best.empty() || value > highest) offer(value, std::move(point));
  }
  for (std::size_t i = 0; i < ascents; ++i) {
    auto [value, point] = ascend(process, dimensions, random_point(dimensions, random));
    offer(value, std::move(point));
  }
  return best;
}

}  // namespace

void search_bayesian(const TuningSpace& space, Trials& trials, std::uint64_t seed) {
  const auto dimensions = dimensions_of(space);
  if (dimensions.empty()) {
    trials.score(configuration_at(space, dimensions, {}));
    return;
  }
  NumpyRandom random(seed);
  std::vector<Point> points;
  std::vector<double> merits;
  while (true) {
    const bool varied = std::set<double>(merits.begin(), merits.end()).size() >= 2;
    const Point point = varied ? most_promising(GaussianProcess(points, merits), dimensions, random)
                               : random_point(dimensions, random);
    const Outcome outcome = trials.score(configuration_at(space, dimensions, point));
    if (outcome.failed() || std::find(points.begin(), points.end(), point) != points.end())
      continue;
    points.push_back(point);
    merits.push_back(trials.merit(outcome));
  }
}

}  // namespace bertq::engine
