// A Gaussian process over points, as LPOT's strategy `bayesian` has it: Matérn 5/2 with one length
// scale, values normalised to mean 0 and deviation 1, noise 1e-6.
//
// Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, algorithm 2.1 and
// (4.17); scikit-learn's GaussianProcessRegressor(Matern(nu=2.5), alpha=1e-6, normalize_y=True),
// whose length scale is the most likely one of 1e-5..1e5.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace bertq::engine {

using Point = std::vector<double>;

class GaussianProcess {
 public:
  // At least one point, all of one dimension, with a value each.
  GaussianProcess(std::vector<Point> points, std::span<const double> values);

  double length_scale() const { return length_; }

  struct Prediction {
    double mean = 0.0, deviation = 0.0;
  };
  Prediction predict(const Point& at) const;

  // mean + kappa * deviation, and its gradient if `gradient` is not null.
  double upper_bound(const Point& at, double kappa, Point* gradient = nullptr) const;

 private:
  void fit(double length);  // factor_ and weights_
  double log_likelihood(double length);
  std::vector<double> kernel_to(const Point& at) const;

  std::vector<Point> points_;
  std::vector<double> values_;  // normalised
  double mean_ = 0.0, deviation_ = 1.0, length_ = 1.0;
  std::vector<double> factor_;   // Cholesky's, lower, [points][points]
  std::vector<double> weights_;  // K^-1 values
};

}  // namespace bertq::engine
