#include "engine/cli/bench_load.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace bertq::engine::cli {
namespace {

constexpr double unanswered = -1.0;

// In (0, 1]. std::uniform_real_distribution may differ from one standard library to the next.
double random_share(std::mt19937_64& random) {
  constexpr int mantissa = std::numeric_limits<double>::digits;
  return std::ldexp(static_cast<double>((random() >> (64 - mantissa)) + 1), -mantissa);
}

}  // namespace

std::vector<double> poisson_arrivals(std::size_t count, double rate, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> arrivals;
  arrivals.reserve(count);
  double sum = 0.0;  // in mean gaps
  for (std::size_t i = 0; i < count; ++i) {
    sum -= std::log(random_share(random));
    arrivals.push_back(sum / rate);
  }
  return arrivals;
}

LoadResult run_load(std::span<const double> arrivals, LoadTarget& target) {
  LoadResult result;
  // Each is written by one thread, before finish() returns.
  std::vector<double> latencies(arrivals.size(), unanswered);
  // Reaches finish() whatever submit throws: answers write into `latencies`.
  struct Finish {
    LoadTarget& target;
    ~Finish() { target.finish(); }
  };
  const double start = target.now();
  {
    const Finish finish{target};
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
      const double due = start + arrivals[i];
      target.sleep_until(due);
      const double begin = target.now();
      result.latest_submit = std::max(result.latest_submit, begin - due);
      double& latency = latencies[i];
      if (!target.submit(i, [&target, &latency, due] { latency = target.now() - due; })) {
        ++result.refused;
        result.slowest_refusal = std::max(result.slowest_refusal, target.now() - begin);
      }
    }
  }
  result.seconds = target.now() - start - (arrivals.empty() ? 0.0 : arrivals.front());
  std::erase(latencies, unanswered);
  result.latencies = std::move(latencies);
  return result;
}

double highest_rate(double most, std::size_t halvings, const std::function<bool(double)>& holds) {
  if (holds(most)) return most;
  double low = 0.0, high = most;
  for (std::size_t i = 0; i < halvings; ++i) {
    const double middle = (low + high) / 2.0;
    (holds(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace bertq::engine::cli
