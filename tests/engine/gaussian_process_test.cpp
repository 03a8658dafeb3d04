#include "engine/tuning/gaussian_process.h"

#include <doctest/doctest.h>

#include <array>
#include <vector>

namespace bertq::testing {
using namespace engine;
namespace {

const std::vector<Point> points{{0.5, 1.0}, {2.0, 0.2}, {3.5, 2.5}, {1.0, 3.0}, {2.7, 1.8}};
const std::array<double, 5> values{0.80, 0.83, 0.79, 0.84, 0.81};

// Of scikit-learn 1.7: GaussianProcessRegressor(Matern(nu=2.5), alpha=1e-6, normalize_y=True,
// n_restarts_optimizer=5), fitted to the same points.
TEST_CASE("scikit-learn's length scale and predictions") {
  const GaussianProcess process(points, values);
  CHECK(process.length_scale() == doctest::Approx(0.472).epsilon(0.01));
  struct Case {
    Point at;
    double mean, deviation;
  };
  const Case cases[] = {
      {{1.0, 1.0}, 0.8078203448354184, 0.016146241214460667},
      {{3.0, 3.0}, 0.8072144245221197, 0.01777746418085774},
      {{0.0, 4.0}, 0.814726381509348, 0.018540008799803852},
  };
  for (const Case& row : cases) {
    const auto prediction = process.predict(row.at);
    CHECK(prediction.mean == doctest::Approx(row.mean).epsilon(1e-4));
    CHECK(prediction.deviation == doctest::Approx(row.deviation).epsilon(1e-3));
  }
}

TEST_CASE("a process goes through its points, and knows that it does") {
  const GaussianProcess process(points, values);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto prediction = process.predict(points[i]);
    CHECK(prediction.mean == doctest::Approx(values[i]).epsilon(1e-5));
    CHECK(prediction.deviation < 1e-4);
  }
}

TEST_CASE("the gradient of the upper bound is that of its differences") {
  const GaussianProcess process(points, values);
  const Point at{1.4, 1.1};
  Point gradient;
  process.upper_bound(at, 2.576, &gradient);
  for (std::size_t d = 0; d < at.size(); ++d) {
    constexpr double step = 1e-6;
    Point above = at, below = at;
    above[d] += step;
    below[d] -= step;
    const double slope =
        (process.upper_bound(above, 2.576) - process.upper_bound(below, 2.576)) / (2.0 * step);
    CHECK(gradient[d] == doctest::Approx(slope).epsilon(1e-4));
  }
}

TEST_CASE("equal values, one point and repeated points are no trouble") {
  CHECK(GaussianProcess({{1.0}}, std::array{0.5}).predict({3.0}).mean == doctest::Approx(0.5));
  const GaussianProcess flat({{0.0}, {1.0}, {2.0}}, std::array{0.5, 0.5, 0.5});
  CHECK(flat.predict({0.7}).mean == doctest::Approx(0.5));
  const GaussianProcess twice({{1.0}, {1.0}, {2.0}}, std::array{0.5, 0.6, 0.7});
  CHECK(twice.predict({1.0}).mean == doctest::Approx(0.55).epsilon(0.02));
}

}  // namespace
}  // namespace bertq::testing
