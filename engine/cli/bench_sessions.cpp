#include "engine/cli/bench_sessions.h"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <exception>
#include <future>
#include <mutex>
#include <numeric>
#include <random>
#include <thread>
#include <utility>

#include "engine/runtime/topology.h"

namespace bertq::engine::cli {
namespace {

constexpr std::size_t fewest_requests = 20, most_requests = 1'000'000;  // of a run of one instance
constexpr std::size_t offline_batches = 2;                              // of each instance

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The first exception of several threads.
class FirstFailure {
 public:
  void catch_from(const std::function<void()>& function) noexcept {
    try {
      function();
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }
  bool any() const {
    const std::scoped_lock lock(mutex_);
    return failure_ != nullptr;
  }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  mutable std::mutex mutex_;
  std::exception_ptr failure_;
};

// How often a pass goes through the requests.
std::size_t repetitions(const RequestSet& set, std::size_t instances) {
  const std::size_t wanted = batch_tokens * offline_batches * instances;
  return std::max<std::size_t>(1, (wanted + set.tokens() - 1) / set.tokens());
}

std::vector<Batched> plan(const ScenarioInput& input,
                          std::span<const tokenizer::Encoding> encodings) {
  return input.torch_batch == 0 ? make_batches(encodings)
                                : make_batches_of(input.torch_batch, encodings);
}

// All requests, as often as a pass goes through them; tokenized now if that belongs to the time.
std::vector<tokenizer::Encoding> encode_all(const ScenarioInput& input, std::size_t times) {
  std::vector<tokenizer::Encoding> encodings;
  encodings.reserve(input.set.requests.size() * times);
  for (std::size_t i = 0; i < times; ++i) {
    for (const Request& request : input.set.requests) {
      encodings.push_back(
          input.tokenize ? encode_text(*input.subject.tokenizer, request.text, input.set.max_tokens)
                         : request.encoding);
    }
  }
  return encodings;
}

// The passes of one run: what the instances work through together, and when each pass ended.
class OfflinePasses {
 public:
  OfflinePasses(const ScenarioInput& input, std::size_t instances, double seconds)
      : input_(input), times_(repetitions(input.set, instances)), seconds_(seconds) {
    if (!input.tokenize) encodings_ = encode_all(input, times_);
  }

  // By one thread, while the others wait: ends a pass and prepares the next one, unless time is up.
  void next() noexcept {
    const double time = now();
    if (begun_) {
      run_.latencies.push_back(time - pass_begin_);
      run_.seconds += time - pass_begin_;
      run_.batches += batches_.size();
    }
    done_ = failure_.any() || (begun_ && run_.seconds >= seconds_);
    if (done_) return;
    begun_ = true;
    pass_begin_ = now();
    failure_.catch_from([&] {
      batches_ = plan(input_, input_.tokenize ? encode_all(input_, times_) : encodings_);
    });
    next_batch_ = 0;
  }

  // By each instance, once a pass.
  void work(Session& session) noexcept {
    failure_.catch_from([&] {
      for (std::size_t i = next_batch_++; i < batches_.size(); i = next_batch_++) {
        forward(session, batches_[i].batch);
      }
    });
  }

  bool done() const { return done_; }

  BenchRun result() {
    failure_.rethrow();
    run_.examples = input_.set.requests.size() * times_ * run_.latencies.size();
    run_.tokens = input_.set.tokens() * times_ * run_.latencies.size();
    for (const Request& request : input_.set.requests) {
      run_.operations += operations(*input_.subject.model, request.encoding.size()) *
                         static_cast<double>(times_ * run_.latencies.size());
    }
    return std::move(run_);
  }

 private:
  const ScenarioInput& input_;
  const std::size_t times_;
  const double seconds_;
  std::vector<tokenizer::Encoding> encodings_;
  std::vector<Batched> batches_;
  std::atomic<std::size_t> next_batch_{0};
  double pass_begin_ = 0.0;
  bool begun_ = false, done_ = false;
  FirstFailure failure_;
  BenchRun run_;
};

BenchRun stream(Session& session, const ScenarioInput& input, double seconds, std::uint64_t seed) {
  const auto& requests = input.set.requests;
  const auto order = shuffled(requests.size(), seed);
  BenchRun run;
  PackedBatch batch;
  const double start = now();
  for (std::size_t i = 0; i < most_requests; ++i) {
    if (i >= fewest_requests && now() - start >= seconds) break;
    const Request& request = requests[order[i % order.size()]];
    const double begin = now();
    tokenizer::Encoding encoding;
    if (input.tokenize) {
      encoding = encode_text(*input.subject.tokenizer, request.text, input.set.max_tokens);
    }
    const tokenizer::Encoding& used = input.tokenize ? encoding : request.encoding;
    batch.clear();
    batch.add(used.ids, used.segments);
    forward(session, batch);
    run.latencies.push_back(now() - begin);
    run.tokens += used.size();
    run.operations += operations(*input.subject.model, used.size());
  }
  run.seconds = now() - start;
  run.examples = run.batches = run.latencies.size();
  return run;
}

}  // namespace

std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937_64 random(seed);
  // std::shuffle may differ from one standard library to the next.
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  return order;
}

Instances::Instances(const std::shared_ptr<const Model>& model, const BatcherOptions& options,
                     const std::function<void(Session&)>& configure)
    : sessions_(options.instances) {
  if (options.instances == 1) {
    configure(sessions_[0].emplace(model, options.threads));
    return;
  }
  // A session's threads inherit the CPUs of the thread that makes it.
  cpus_ = instance_cpus(options.instances);
  FirstFailure failure;
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    std::thread maker([&, i] {
      failure.catch_from([&] {
        pin_thread(cpus_[i]);
        configure(sessions_[i].emplace(model, options.threads));
      });
    });
    maker.join();
  }
  failure.rethrow();
}

void Instances::run(const std::function<void(Session&, std::size_t)>& job) {
  if (sessions_.size() == 1) return job(*sessions_[0], 0);
  FirstFailure failure;
  std::vector<std::thread> threads;
  // All or none: those that wait for one another would wait for ever for one that never began.
  std::promise<bool> begin;
  const std::shared_future<bool> begins = begin.get_future().share();
  failure.catch_from([&] {
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
      threads.emplace_back([&, i] {
        if (!begins.get()) return;
        failure.catch_from([&] {
          pin_thread(cpus_[i]);
          job(*sessions_[i], i);
        });
      });
    }
  });
  begin.set_value(threads.size() == sessions_.size());
  for (std::thread& thread : threads) thread.join();
  failure.rethrow();
}

BenchRun run_offline(Instances& instances, const ScenarioInput& input, double seconds) {
  OfflinePasses passes(input, instances.count(), seconds);
  std::barrier between(static_cast<std::ptrdiff_t>(instances.count()),
                       [&]() noexcept { passes.next(); });
  instances.run([&](Session& session, std::size_t) {
    for (;;) {
      between.arrive_and_wait();
      if (passes.done()) return;
      passes.work(session);
    }
  });
  return passes.result();
}

BenchRun run_single_stream(Instances& instances, const ScenarioInput& input, double seconds,
                           std::uint64_t seed) {
  std::vector<BenchRun> runs(instances.count());
  instances.run([&](Session& session, std::size_t instance) {
    runs[instance] = stream(session, input, seconds, seed + instance);
  });
  BenchRun sum;
  for (const BenchRun& run : runs) {
    sum.latencies.insert(sum.latencies.end(), run.latencies.begin(), run.latencies.end());
    sum.seconds = std::max(sum.seconds, run.seconds);
    sum.examples += run.examples;
    sum.tokens += run.tokens;
    sum.operations += run.operations;
    sum.batches += run.batches;
  }
  return sum;
}

}  // namespace bertq::engine::cli
