#include "engine/tuning/gaussian_process.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

namespace bertq::engine {
namespace {

constexpr double noise = 1e-6;
constexpr double shortest_log = -11.512925464970229, longest_log = 11.512925464970229;  // ln 1e±5
constexpr std::size_t grid_points = 48, refinements = 40;

double distance(const Point& a, const Point& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

double matern(double scaled) {
  const double t = std::sqrt(5.0) * scaled;
  return (1.0 + t + t * t / 3.0) * std::exp(-t);
}

// d matern / dx = slope * (x - x_i) / length^2.
double matern_slope(double scaled) {
  const double t = std::sqrt(5.0) * scaled;
  return -5.0 / 3.0 * (1.0 + t) * std::exp(-t);
}

// In place, lower half. False if the matrix is not positive definite.
bool factorize(std::vector<double>& matrix, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = j; i < n; ++i) {
      double sum = matrix[i * n + j];
      for (std::size_t k = 0; k < j; ++k) sum -= matrix[i * n + k] * matrix[j * n + k];
      if (i == j) {
        if (!(sum > 0.0)) return false;
        matrix[j * n + j] = std::sqrt(sum);
      } else {
        matrix[i * n + j] = sum / matrix[j * n + j];
      }
    }
  }
  return true;
}

// L x = b
std::vector<double> solve_lower(const std::vector<double>& factor, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= factor[i * n + k] * b[k];
    b[i] /= factor[i * n + i];
  }
  return b;
}

// L^T x = b
std::vector<double> solve_upper(const std::vector<double>& factor, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= factor[k * n + i] * b[k];
    b[i] /= factor[i * n + i];
  }
  return b;
}

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

GaussianProcess::GaussianProcess(std::vector<Point> points, std::span<const double> values)
    : points_(std::move(points)), values_(values.begin(), values.end()) {
  const auto count = static_cast<double>(values_.size());
  for (const double value : values_) mean_ += value / count;
  double variance = 0.0;
  for (const double value : values_) variance += (value - mean_) * (value - mean_) / count;
  deviation_ = variance > 0.0 ? std::sqrt(variance) : 1.0;
  for (double& value : values_) value = (value - mean_) / deviation_;

  // The likelihood may have several hills: the best of a grid, then between its neighbours.
  const double step = (longest_log - shortest_log) / static_cast<double>(grid_points);
  double best = 0.0, highest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i <= grid_points; ++i) {
    const double log_length = shortest_log + step * static_cast<double>(i);
    const double likelihood = log_likelihood(std::exp(log_length));
    if (likelihood <= highest) continue;
    highest = likelihood;
    best = log_length;
  }
  double low = best - step, high = best + step;
  for (std::size_t i = 0; i < refinements; ++i) {
    const double part = (high - low) / (1.0 + std::numbers::phi);
    const bool left = log_likelihood(std::exp(low + part)) > log_likelihood(std::exp(high - part));
    (left ? high : low) = left ? high - part : low + part;
  }
  fit(std::exp(std::clamp((low + high) / 2.0, shortest_log, longest_log)));
}

void GaussianProcess::fit(double length) {
  const std::size_t n = points_.size();
  length_ = length;
  factor_.assign(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      factor_[i * n + j] = matern(distance(points_[i], points_[j]) / length);
    }
    factor_[i * n + i] += noise;
  }
  weights_.clear();
  if (factorize(factor_, n)) weights_ = solve_upper(factor_, solve_lower(factor_, values_));
}

double GaussianProcess::log_likelihood(double length) {
  fit(length);
  if (weights_.empty()) return -std::numeric_limits<double>::infinity();
  double sum = -0.5 * dot(values_, weights_);
  for (std::size_t i = 0; i < points_.size(); ++i) sum -= std::log(factor_[i * points_.size() + i]);
  return sum;
}

std::vector<double> GaussianProcess::kernel_to(const Point& at) const {
  std::vector<double> kernel;
  kernel.reserve(points_.size());
  for (const Point& point : points_) kernel.push_back(matern(distance(at, point) / length_));
  return kernel;
}

GaussianProcess::Prediction GaussianProcess::predict(const Point& at) const {
  if (weights_.empty()) return {mean_, deviation_};
  const std::vector<double> kernel = kernel_to(at);
  const std::vector<double> half = solve_lower(factor_, kernel);
  const double variance = std::max(1.0 - dot(half, half), 0.0);
  return {mean_ + deviation_ * dot(kernel, weights_), deviation_ * std::sqrt(variance)};
}

double GaussianProcess::upper_bound(const Point& at, double kappa, Point* gradient) const {
  const Prediction here = predict(at);
  if (gradient != nullptr) {
    gradient->assign(at.size(), 0.0);
    if (weights_.empty()) return here.mean + kappa * here.deviation;
    const std::vector<double> kernel = kernel_to(at);
    const std::vector<double> inverse = solve_upper(factor_, solve_lower(factor_, kernel));
    const double deviation = here.deviation / deviation_;
    for (std::size_t i = 0; i < points_.size(); ++i) {
      double weight = weights_[i];
      if (deviation > 0.0) weight -= kappa * inverse[i] / deviation;
      const double slope = deviation_ * weight * matern_slope(distance(at, points_[i]) / length_) /
                           (length_ * length_);
      for (std::size_t d = 0; d < at.size(); ++d) {
        (*gradient)[d] += slope * (at[d] - points_[i][d]);
      }
    }
  }
  return here.mean + kappa * here.deviation;
}

}  // namespace bertq::engine
