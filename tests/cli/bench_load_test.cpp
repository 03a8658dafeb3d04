// How `bench` makes load and finds rates: on clocks that run when they are told to.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <functional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/cli/bench_load.h"
#include "engine/cli/bench_requests.h"
#include "engine/cli/bench_sessions.h"
#include "engine/cli/statistics.h"

namespace bertq::engine::cli {
namespace {

// Answers one request after the other, each in `service` seconds.
class FakeServer : public LoadTarget {
 public:
  explicit FakeServer(double service, std::size_t places = 1'000'000)
      : service_(service), places_(places) {}

  double now() const override { return now_; }
  void sleep_until(double seconds) override {
    while (!waiting_.empty() && waiting_.front().end <= seconds) answer_next();
    now_ = std::max(now_, seconds);
  }
  bool submit(std::size_t number, std::function<void()> done) override {
    if (on_submit) now_ += on_submit(number);
    if (waiting_.size() >= places_) return false;
    free_at_ = std::max(free_at_, now_) + service_;
    waiting_.push_back({free_at_, std::move(done)});
    return true;
  }
  void finish() override {
    while (!waiting_.empty()) answer_next();
    finished = true;
  }

  std::function<double(std::size_t)> on_submit;  // seconds that it takes
  bool finished = false;

 private:
  struct Answer {
    double end;
    std::function<void()> done;
  };
  void answer_next() {
    now_ = std::max(now_, waiting_.front().end);
    waiting_.front().done();
    waiting_.pop_front();
  }

  double service_;
  std::size_t places_;
  double now_ = 100.0, free_at_ = 0.0;  // clocks begin anywhere
  std::deque<Answer> waiting_;
};

TEST_CASE("Poisson arrivals: exponential gaps, counts as scattered as they are many") {
  constexpr std::size_t count = 100'000;
  constexpr double rate = 50.0;
  const auto arrivals = poisson_arrivals(count, rate, 7);
  REQUIRE(arrivals.size() == count);
  CHECK(std::is_sorted(arrivals.begin(), arrivals.end()));
  double last = 0.0, sum = 0.0, squares = 0.0;
  std::size_t beyond_mean = 0;
  for (const double arrival : arrivals) {
    const double gap = arrival - last;
    last = arrival;
    sum += gap;
    squares += gap * gap;
    beyond_mean += gap > 1.0 / rate ? 1U : 0U;
  }
  const double gap = sum / count, variance = squares / count - gap * gap;
  CHECK(gap == doctest::Approx(1.0 / rate).epsilon(0.02));
  CHECK(variance == doctest::Approx(gap * gap).epsilon(0.03));
  CHECK(static_cast<double>(beyond_mean) / count == doctest::Approx(std::exp(-1.0)).epsilon(0.02));

  std::vector<double> in_second(static_cast<std::size_t>(last) + 1);
  for (const double arrival : arrivals) in_second[static_cast<std::size_t>(arrival)] += 1.0;
  in_second.pop_back();
  const double average = mean(in_second);
  double scatter = 0.0;
  for (const double n : in_second) scatter += (n - average) * (n - average);
  scatter /= static_cast<double>(in_second.size());
  CHECK(scatter / average == doctest::Approx(1.0).epsilon(0.1));

  CHECK(poisson_arrivals(100, rate, 7) == poisson_arrivals(100, rate, 7));
  CHECK(poisson_arrivals(100, rate, 7) != poisson_arrivals(100, rate, 8));
  const auto slow = poisson_arrivals(100, 1.0, 7), fast = poisson_arrivals(100, 4.0, 7);
  for (std::size_t i = 0; i < slow.size(); ++i) CHECK(fast[i] == doctest::Approx(slow[i] / 4.0));
  CHECK(poisson_arrivals(0, rate, 7).empty());
}

TEST_CASE("a latency counts from when the request was due") {
  const std::vector<double> arrivals = {0.0, 0.1, 0.2, 2.0};
  SUBCASE("also when the server is busy") {
    FakeServer server(0.15);
    const LoadResult result = run_load(arrivals, server);
    const std::vector<double> expected = {0.15, 0.2, 0.25, 0.15};
    REQUIRE(result.latencies.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK(result.latencies[i] == doctest::Approx(expected[i]));
    }
    CHECK(result.latest_submit == doctest::Approx(0.0));
    CHECK(result.seconds == doctest::Approx(2.15));
  }
  SUBCASE("also when the load generator was held up") {
    FakeServer server(0.01);
    server.on_submit = [](std::size_t number) { return number == 0 ? 1.0 : 0.0; };
    const LoadResult result = run_load(arrivals, server);
    const std::vector<double> expected = {1.01, 0.92, 0.83, 0.01};
    REQUIRE(result.latencies.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK(result.latencies[i] == doctest::Approx(expected[i]));
    }
    CHECK(result.latest_submit == doctest::Approx(0.9));
  }
}

TEST_CASE("what is refused has no latency, but is counted") {
  FakeServer server(1.0, 2);
  server.on_submit = [](std::size_t number) { return number == 3 ? 0.004 : 0.0; };
  const std::vector<double> arrivals = {0.0, 0.1, 0.2, 0.3, 1.05};
  const LoadResult result = run_load(arrivals, server);
  CHECK(result.refused == 2);
  CHECK(result.slowest_refusal == doctest::Approx(0.004));
  REQUIRE(result.latencies.size() == 3);
  CHECK(result.latencies[0] == doctest::Approx(1.0));
  CHECK(result.latencies[1] == doctest::Approx(1.9));
  CHECK(result.latencies[2] == doctest::Approx(1.95));
}

TEST_CASE("what submit throws comes out, after the answers") {
  FakeServer server(1.0);
  server.on_submit = [](std::size_t number) {
    if (number == 2) throw std::runtime_error("no");
    return 0.0;
  };
  const std::vector<double> arrivals = {0.0, 0.1, 0.2, 0.3};
  CHECK_THROWS_WITH(run_load(arrivals, server), "no");
  CHECK(server.finished);
  FakeServer idle(1.0);
  CHECK(run_load({}, idle).latencies.empty());
}

TEST_CASE("the highest rate, to a part of the range") {
  for (const double limit : {0.0, 0.001, 0.3, 0.5, 0.77, 0.999, 1.0, 2.0}) {
    CAPTURE(limit);
    int tries = 0;
    const double rate = highest_rate(1.0, 6, [&](double tried) {
      ++tries;
      CHECK(tried > 0.0);
      CHECK(tried <= 1.0);
      return tried <= limit;
    });
    CHECK(rate <= limit);
    CHECK(rate >= std::min(limit, 1.0) - 1.0 / 64.0);
    CHECK(tries == (limit >= 1.0 ? 1 : 7));
  }
}

TEST_CASE("the highest rate of a queue with one server") {
  constexpr double service = 0.001, bound = 0.010;
  const auto p99_at = [&](double rate) {
    FakeServer server(service);
    return percentile(run_load(poisson_arrivals(50'000, rate, 3), server).latencies, 99);
  };
  const double rate = highest_rate(1.0 / service, 6, [&](double r) { return p99_at(r) <= bound; });
  CHECK(p99_at(rate) <= bound);
  CHECK(p99_at(rate + 1.0 / service / 64.0) > bound);
  // Lindley's recursion over 200,000 arrivals, in another program: p99 of an M/D/1 queue is 10.1
  // service times at a load of 0.78, and 11.1 at 0.80.
  CHECK(rate * service == doctest::Approx(0.78).epsilon(0.04));
}

TEST_CASE("an order of every request, by the seed") {
  auto order = shuffled(100, 5);
  CHECK(order == shuffled(100, 5));
  CHECK(order != shuffled(100, 6));
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) CHECK(order[i] == i);
  CHECK(shuffled(0, 1).empty());
}

TEST_CASE("padding that is not there") {
  struct Row {
    std::vector<std::size_t> lengths;
    std::size_t batch;
    double share;
  };
  for (const Row& row : std::vector<Row>{{{}, 8, 0.0},
                                         {{5, 5, 5}, 8, 0.0},
                                         {{1, 3}, 2, 2.0 / 6.0},
                                         {{1, 3, 2, 2}, 2, 2.0 / 10.0},
                                         {{1, 3, 9}, 2, 2.0 / 15.0},
                                         {{4, 8, 8, 8, 8, 8, 8, 12}, 8, 32.0 / 96.0}}) {
    CHECK(padding_share(row.lengths, row.batch) == doctest::Approx(row.share));
  }
}

}  // namespace
}  // namespace bertq::engine::cli
