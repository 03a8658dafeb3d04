// Load as MLPerf's Server scenario makes it: requests that arrive when a Poisson process says so,
// whether or not the ones before them have been answered.
// Source: Reddi et al., "MLPerf Inference Benchmark", ISCA 2020, section IV-B.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace bertq::engine::cli {

// Seconds from the start at which `count` requests arrive, ascending, `rate` (> 0) a second on
// average: the gaps between them are exponential. The same seed gives the same arrivals on every
// machine, and those of another rate are the same ones, stretched.
std::vector<double> poisson_arrivals(std::size_t count, double rate, std::uint64_t seed);

// What answers, and the clock by which it does: of the machine, or of a test.
class LoadTarget {
 public:
  virtual ~LoadTarget() = default;
  virtual double now() const = 0;                // seconds, from any zero
  virtual void sleep_until(double seconds) = 0;  // returns at once if that has passed
  // Takes request `number`, and calls `done` once it is answered, on any thread; or refuses it,
  // returns false and never calls `done`.
  virtual bool submit(std::size_t number, std::function<void()> done) = 0;
  virtual void finish() = 0;  // returns when all that was taken is answered
};

struct LoadResult {
  // Of each request that was answered, in order of arrival: from when it was due, not from when
  // the load generator got round to it. Otherwise a server that stalls would stall what measures
  // it, and look well ("coordinated omission").
  std::vector<double> latencies;
  std::size_t refused = 0;
  double slowest_refusal = 0.0;  // seconds that submit took to say no
  double latest_submit = 0.0;    // seconds by which the load generator was late, at worst
  double seconds = 0.0;          // from the first arrival to the last answer
};

// Sends one request at each of `arrivals` and waits for the answers. What submit throws ends it,
// after the answers to what was taken.
LoadResult run_load(std::span<const double> arrivals, LoadTarget& target);

// The highest rate in (0, most] that `holds`, to most / 2^halvings: bisection, which takes it that
// what holds at one rate holds at any lower one. 0 if none does. `most` itself is tried first.
double highest_rate(double most, std::size_t halvings, const std::function<bool(double)>& holds);

}  // namespace bertq::engine::cli
