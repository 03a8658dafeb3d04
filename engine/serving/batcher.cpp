#include "engine/serving/batcher.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "bertq/error.h"
#include "engine/model/packed_batch.h"
#include "engine/model/sequence_check.h"
#include "engine/runtime/cpu_set.h"
#include "engine/runtime/topology.h"

namespace bertq::engine {
namespace {

using Clock = std::chrono::steady_clock;

struct Request {
  Wanted wanted;
  std::vector<std::int32_t> ids, segments;
  Batcher::Done done;
  Clock::time_point arrival;
};

void check_number(const char* name, std::size_t value, std::size_t most) {
  if (value >= 1 && value <= most) return;
  throw Error(ErrorKind::usage, "batcher: " + std::string(name) + ": expected 1 to " +
                                    std::to_string(most) + ", got " + std::to_string(value));
}

void check_options(const BatcherOptions& options) {
  constexpr std::size_t any = ~std::size_t{0};
  check_number("instances", options.instances, most_instances);
  check_number("max_waiting_tokens", options.max_waiting_tokens, any);
  if (options.max_delay.count() >= 0 && options.max_delay <= longest_delay) return;
  throw Error(ErrorKind::usage, "batcher: max_delay: expected 0 to " +
                                    std::to_string(longest_delay.count()) + " us, got " +
                                    std::to_string(options.max_delay.count()));
}

void check_head(const Model& model, Wanted wanted) {
  const Heads heads = model.heads();
  if (wanted == Wanted::logits && !heads.classifier) {
    throw Error(ErrorKind::input, "the checkpoint has no classification head");
  }
  if (wanted == Wanted::token_logits && !heads.span) {
    throw Error(ErrorKind::input, "the checkpoint has no span head (qa_outputs)");
  }
}

void check_done(const Batcher::Done& done) {
  if (!done) throw Error(ErrorKind::usage, "batcher: expected a function to call, got none");
}

Request request_of(Wanted wanted, std::span<const std::int32_t> ids,
                   std::span<const std::int32_t> segments, Batcher::Done done) {
  return {wanted,
          {ids.begin(), ids.end()},
          {segments.begin(), segments.end()},
          std::move(done),
          Clock::now()};
}

// One session and what it needs to run requests together. Used by one thread.
class Instance {
 public:
  Instance(std::shared_ptr<const Model> model, std::size_t threads)
      : session_(std::move(model), threads) {}

  // All want the same. Calls every `done`. `on_batch` is told of each forward pass.
  template <typename OnBatch>
  void run(std::span<Request> requests, const OnBatch& on_batch) {
    std::span<const float> values;
    std::exception_ptr error;
    on_batch();
    try {
      values = forward(requests);
    } catch (...) {
      error = std::current_exception();
    }
    if (error && requests.size() > 1) {
      for (Request& request : requests) run({&request, 1}, on_batch);
      return;
    }
    for (const Request& request : requests) {
      const std::size_t size = error ? 0 : values_of(request);
      request.done(values.first(size), error);
      values = values.subspan(size);
    }
  }

 private:
  // The rows of all requests, one after another.
  std::span<const float> forward(std::span<const Request> requests) {
    batch_.clear();
    for (const Request& request : requests) batch_.add(request.ids, request.segments);
    switch (requests.front().wanted) {
      case Wanted::logits:
        return session_.logits(batch_);
      case Wanted::token_logits:
        return session_.token_logits(batch_);
      case Wanted::hidden_states:
        break;
    }
    return without_padding(session_.hidden_states(batch_));
  }

  std::span<const float> without_padding(std::span<const float> states) {
    const std::size_t hidden = session_.model().config().hidden;
    const std::size_t ld = session_.hidden_ld();
    if (ld == hidden) return states;
    dense_.resize(batch_.tokens() * hidden);
    for (std::size_t row = 0; row < batch_.tokens(); ++row) {
      std::memcpy(&dense_[row * hidden], &states[row * ld], hidden * sizeof(float));
    }
    return dense_;
  }

  std::size_t values_of(const Request& request) const {
    switch (request.wanted) {
      case Wanted::logits:
        return session_.model().labels();
      case Wanted::token_logits:
        return request.ids.size() * span_logits;
      case Wanted::hidden_states:
        break;
    }
    return request.ids.size() * session_.model().config().hidden;
  }

  Session session_;
  PackedBatch batch_;
  std::vector<float> dense_;
};

}  // namespace

// Enough that the ends of steps and of batches, where threads wait, are small beside the work.
// Tiles multiply faster, so they need more.
std::size_t good_batch_tokens(jit::Isa isa, std::size_t threads) {
  const std::size_t for_a_thread = isa == jit::Isa::amx ? 512 : 128;
  return for_a_thread * std::max<std::size_t>(threads, 1);
}

struct Batcher::Impl {
  Impl(std::shared_ptr<const Model> shared_model, Wanted usual, const BatcherOptions& given)
      : model(std::move(shared_model)),
        wanted(usual),
        options(given),
        good_tokens(good_batch_tokens(model->isa(), given.threads)),
        most_tokens(largest_batch(given)) {
    check_options(options);
    check_head(*model, wanted);
    try {
      start();
    } catch (const std::system_error& error) {
      stop();
      throw Error(ErrorKind::resources, "could not start " + std::to_string(options.instances) +
                                            " threads: " + error.what());
    }
  }
  ~Impl() { stop(); }

  // Several instances keep to CPUs of their own, so that each finds its memory near.
  void start() {
    if (options.instances > 1) cpus = instance_cpus(options.instances);
    instances.reserve(options.instances);
    threads.reserve(options.instances);
    for (std::size_t i = 0; i < options.instances; ++i) {
      on_cpus_of(i, [&] { instances.emplace_back(model, options.threads); });
    }
    for (std::size_t i = 0; i < options.instances; ++i) {
      threads.emplace_back([this, i] {
        if (!cpus.empty()) pin_thread(cpus[i]);
        work(instances[i]);
      });
    }
  }

  // Threads that `make` starts inherit the CPUs of the one that it runs on.
  template <typename Make>
  void on_cpus_of(std::size_t instance, const Make& make) {
    if (cpus.empty()) return make();
    std::exception_ptr error;
    std::thread([&] {
      try {
        pin_thread(cpus[instance]);
        make();
      } catch (...) {
        error = std::current_exception();
      }
    }).join();
    if (error) std::rethrow_exception(error);
  }

  void stop() {
    {
      const std::scoped_lock lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    for (std::thread& thread : threads) thread.join();
    threads.clear();
  }

  std::size_t largest_batch(const BatcherOptions& given) const {
    if (model->pads_batches()) return 1;
    return given.max_batch_tokens == 0 ? good_tokens : given.max_batch_tokens;
  }

  // All of them or none.
  bool submit(std::span<Request> requests) {
    std::size_t tokens = 0;
    for (const Request& request : requests) tokens += request.ids.size();
    {
      const std::scoped_lock lock(mutex);
      const bool fits = waiting.empty() || (waiting_tokens <= options.max_waiting_tokens &&
                                            tokens <= options.max_waiting_tokens - waiting_tokens);
      if (stopping || !fits) {
        counts.refused += requests.size();
        return false;
      }
      take(requests);
      waiting_tokens += tokens;
      counts.accepted += requests.size();
    }
    changed.notify_one();  // who takes some of several wakes another for the rest
    return true;
  }

  // Leaves nothing behind where there is no memory for all.
  void take(std::span<Request> requests) {
    const std::size_t before = waiting.size();
    try {
      for (Request& request : requests) waiting.push_back(std::move(request));
    } catch (...) {
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(before), waiting.end());
      throw;
    }
  }

  // One instance's life.
  void work(Instance& instance) {
    for (std::vector<Request> batch; next_batch(batch); batch.clear()) {
      instance.run(batch, [this] {
        const std::scoped_lock lock(mutex);
        ++counts.batches;
      });
    }
  }

  // Waits until a batch is due and takes it; false: there will be none.
  bool next_batch(std::vector<Request>& batch) {
    std::unique_lock lock(mutex);
    while (!is_due()) {
      if (!waiting.empty()) {
        changed.wait_until(lock, waiting.front().arrival + options.max_delay);
      } else if (stopping) {
        return false;
      } else {
        changed.wait(lock);
      }
    }
    for (std::size_t tokens = 0; !waiting.empty();) {
      const std::size_t next = waiting.front().ids.size();
      if (!batch.empty() && (tokens >= most_tokens || next > most_tokens - tokens ||
                             waiting.front().wanted != batch.front().wanted)) {
        break;
      }
      tokens += next;
      waiting_tokens -= next;
      batch.push_back(std::move(waiting.front()));
      waiting.pop_front();
    }
    // Whoever was woken for what is left may be this very instance: let another one watch it.
    if (!waiting.empty()) changed.notify_one();
    return true;
  }

  bool is_due() const {
    if (waiting.empty()) return false;
    return stopping || waiting_tokens >= std::min(most_tokens, good_tokens) ||
           Clock::now() >= waiting.front().arrival + options.max_delay;
  }

  const std::shared_ptr<const Model> model;
  const Wanted wanted;
  const BatcherOptions options;
  const std::size_t good_tokens, most_tokens;  // of a batch
  mutable std::mutex mutex;                    // guards what follows, up to the instances
  std::condition_variable changed;
  std::deque<Request> waiting;
  std::size_t waiting_tokens = 0;
  bool stopping = false;
  Counts counts;
  std::vector<CpuSet> cpus;  // of each instance; none if there is but one
  std::vector<Instance> instances;
  std::vector<std::thread> threads;
};

Batcher::Batcher(std::shared_ptr<const Model> model, Wanted wanted, const BatcherOptions& options)
    : impl_(std::make_unique<Impl>(std::move(model), wanted, options)) {}
Batcher::~Batcher() = default;

bool Batcher::submit(std::span<const std::int32_t> ids, std::span<const std::int32_t> segments,
                     Done done) {
  return submit(impl_->wanted, ids, segments, std::move(done));
}

bool Batcher::submit(Wanted wanted, std::span<const std::int32_t> ids,
                     std::span<const std::int32_t> segments, Done done) {
  check_head(*impl_->model, wanted);
  check_done(done);
  check_sequence(*impl_->model, ids, segments, "");
  Request request = request_of(wanted, ids, segments, std::move(done));
  return impl_->submit({&request, 1});
}

bool Batcher::submit(Wanted wanted, std::vector<Part> parts) {
  check_head(*impl_->model, wanted);
  std::vector<Request> requests;
  requests.reserve(parts.size());
  for (Part& part : parts) {
    check_done(part.done);
    check_sequence(*impl_->model, part.ids, part.segments, "");
    requests.push_back(request_of(wanted, part.ids, part.segments, std::move(part.done)));
  }
  return impl_->submit(requests);
}

Batcher::Counts Batcher::counts() const {
  const std::scoped_lock lock(impl_->mutex);
  Counts counts = impl_->counts;
  counts.waiting_tokens = impl_->waiting_tokens;
  return counts;
}

}  // namespace bertq::engine
