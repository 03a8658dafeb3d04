#include "engine/cli/bench_server.h"

#include <sched.h>
#include <sys/prctl.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "engine/cli/statistics.h"

namespace bertq::engine::cli {
namespace {

constexpr std::size_t fewest_arrivals = 20, most_arrivals = 1'000'000;  // of a run
constexpr std::size_t halvings = 6;  // of a search: to 1/64 of the highest rate

Wanted wanted_of(const Model& model) {
  const Heads heads = model.heads();
  if (heads.classifier) return Wanted::logits;
  return heads.span ? Wanted::token_logits : Wanted::hidden_states;
}

// The load generator stands for the world outside, which interrupts whatever runs. As a thread like
// the others it would wait for a time slice of theirs where they fill all CPUs, and Linux would
// wake it up to 50 us late, to wake others with it (prctl(2)). While this lives it is woken on
// time, and ahead of others where the system allows that (sched(7), CAP_SYS_NICE).
class Punctual {
 public:
  Punctual() : slack_(::prctl(PR_GET_TIMERSLACK)), policy_(::sched_getscheduler(0)) {
    ::prctl(PR_SET_TIMERSLACK, 1UL);
    ::sched_getparam(0, &parameters_);
    const sched_param ahead{::sched_get_priority_min(SCHED_FIFO)};
    raised_ = ::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &ahead) == 0;
  }
  ~Punctual() {
    if (raised_) ::sched_setscheduler(0, policy_, &parameters_);
    if (slack_ > 0) ::prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(slack_));
  }
  Punctual(const Punctual&) = delete;
  Punctual& operator=(const Punctual&) = delete;

 private:
  int slack_, policy_;
  sched_param parameters_{};
  bool raised_ = false;
};

}  // namespace

// The batcher as the load generator sees it.
class BenchServer::Target : public LoadTarget {
 public:
  Target(const ScenarioInput& input, Batcher& batcher, std::vector<std::size_t> order)
      : input_(input), batcher_(batcher), order_(std::move(order)) {}

  double now() const override {
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
  }

  void sleep_until(double seconds) override {
    std::this_thread::sleep_until(Clock::time_point(
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))));
  }

  bool submit(std::size_t number, std::function<void()> done) override {
    const Request& request = input_.set.requests[order_[number % order_.size()]];
    if (!input_.tokenize) return submit(request.encoding, std::move(done));
    return submit(encode_text(*input_.subject.tokenizer, request.text, input_.set.max_tokens),
                  std::move(done));
  }

  void finish() override {
    std::unique_lock lock(mutex_);
    answered_.wait(lock, [this] { return pending_ == 0; });
  }

  // Of what was accepted; the first error, if a request failed.
  std::size_t tokens() const { return tokens_; }
  double operations() const { return operations_; }
  void check() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  bool submit(const tokenizer::Encoding& encoding, std::function<void()> done) {
    {
      const std::scoped_lock lock(mutex_);
      ++pending_;
    }
    bool accepted = false;
    try {
      accepted = batcher_.submit(
          encoding.ids, encoding.segments,
          [this, done = std::move(done)](std::span<const float>, const std::exception_ptr& error) {
            done();
            end_one(error);
          });
    } catch (...) {
      end_one(nullptr);
      throw;
    }
    if (!accepted) {
      end_one(nullptr);
      return false;
    }
    tokens_ += encoding.size();
    operations_ += engine::cli::operations(*input_.subject.model, encoding.size());
    return true;
  }

  void end_one(const std::exception_ptr& error) {
    // Notifies under the lock: once finish() has returned, this object may be gone.
    const std::scoped_lock lock(mutex_);
    if (error && !failure_) failure_ = error;
    if (--pending_ == 0) answered_.notify_all();
  }

  const ScenarioInput& input_;
  Batcher& batcher_;
  const std::vector<std::size_t> order_;
  std::size_t tokens_ = 0;
  double operations_ = 0.0;
  std::mutex mutex_;
  std::condition_variable answered_;
  std::size_t pending_ = 0;  // taken and not answered
  std::exception_ptr failure_;
};

BenchServer::BenchServer(const ScenarioInput& input, const BatcherOptions& options)
    : input_(input), batcher_(input.subject.model, wanted_of(*input.subject.model), options) {
  // As large batches as there will be, for every instance: working memory has grown before anything
  // is timed.
  Target target(input_, batcher_, shuffled(input.set.requests.size(), 0));
  const std::size_t enough = 2 * options.instances * options.max_batch_tokens;
  std::size_t count = 0;
  while (target.tokens() < enough && count < most_arrivals && target.submit(count, [] {})) ++count;
  target.finish();
  target.check();
}

BenchServer::~BenchServer() = default;

BenchRun BenchServer::run(double rate, double seconds, std::uint64_t seed) {
  const auto wanted = static_cast<std::size_t>(rate * seconds);
  const std::size_t count = std::clamp(wanted, fewest_arrivals, most_arrivals);
  const std::size_t batches = batcher_.counts().batches;
  Target target(input_, batcher_, shuffled(input_.set.requests.size(), seed));
  const Punctual punctual;
  LoadResult load = run_load(poisson_arrivals(count, rate, seed), target);
  target.check();
  BenchRun run;
  run.examples = load.latencies.size();
  run.latencies = std::move(load.latencies);
  run.seconds = load.seconds;
  run.tokens = target.tokens();
  run.operations = target.operations();
  run.batches = batcher_.counts().batches - batches;
  run.refused = load.refused;
  run.slowest_refusal = load.slowest_refusal;
  run.latest_submit = load.latest_submit;
  return run;
}

double BenchServer::find_rate(double most, double bound, double seconds, std::uint64_t seed,
                              std::vector<RateTrial>& trials) {
  const auto holds = [&](double rate) {
    const BenchRun trial = run(rate, seconds, seed++);
    RateTrial result{rate, 0.0, 0.0, 0.0, trial.refused, false};
    if (!trial.latencies.empty()) {
      result.p50 = percentile(trial.latencies, 50);
      result.p90 = percentile(trial.latencies, 90);
      result.p99 = percentile(trial.latencies, 99);
      result.held = trial.refused == 0 && result.p99 <= bound;
    }
    trials.push_back(result);
    return result.held;
  };
  double rate = highest_rate(most, halvings, holds);
  const double step = most / static_cast<double>(std::size_t{1} << halvings);
  while (rate > 0.0 && !holds(rate)) rate = std::max(0.0, rate - step);
  return rate;
}

}  // namespace bertq::engine::cli
