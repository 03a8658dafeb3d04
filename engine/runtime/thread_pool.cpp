#include "engine/runtime/thread_pool.h"

#include <emmintrin.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include "bertq/error.h"
#include "engine/runtime/cpu_count.h"
#include "jit/kernels.h"

namespace bertq::engine {
namespace {

constexpr std::chrono::microseconds spin_time{50};
constexpr int pauses_per_clock_read = 32;

// Threads that can run at once on `cpus`, or anywhere if none are named.
std::size_t room_for_threads(const CpuSet& cpus) {
  const std::size_t named = cpus.empty() ? machine_topology().allowed.size() : cpus.size();
  return std::min(named, quota_cpus());
}

}  // namespace

ThreadPool::ThreadPool(std::size_t threads, jit::Isa isa, const CpuSet& cpus)
    : isa_(isa), spin_(threads <= room_for_threads(cpus)) {
  if (threads == 0 || threads > most_threads) {
    throw Error(ErrorKind::usage, "expected 1 to " + std::to_string(most_threads) +
                                      " threads, got " + std::to_string(threads));
  }
  workers_.reserve(threads - 1);
  try {
    for (std::size_t worker = 1; worker < threads; ++worker) {
      workers_.emplace_back([this, worker, cpus] {
        pin_thread(cpus);  // advice: where it is refused, the thread runs where it may
        work(worker);
      });
    }
  } catch (const std::system_error& error) {
    stop();
    throw Error(ErrorKind::resources,
                "could not start " + std::to_string(threads) + " threads: " + error.what());
  }
}

ThreadPool::~ThreadPool() {
  stop();
}

void ThreadPool::stop() {
  stopping_ = true;
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

// Returns once `atomic` differs from `value`.
template <typename Value>
void ThreadPool::wait_while(const std::atomic<Value>& atomic, Value value) const {
  if (spin_) {
    const auto give_up = std::chrono::steady_clock::now() + spin_time;
    do {
      for (int i = 0; i < pauses_per_clock_read; ++i) {
        if (atomic.load(std::memory_order_acquire) != value) return;
        _mm_pause();
      }
    } while (std::chrono::steady_clock::now() < give_up);
  }
  atomic.wait(value, std::memory_order_acquire);
}

void ThreadPool::run(const Job& job) {
  job_ = job;
  failed_task_.store(no_task, std::memory_order_relaxed);
  if (workers_.empty() || job.tasks <= 1) {
    const jit::ThreadScope scope(isa_);
    for (std::size_t task = 0; task < job.tasks; ++task) job_.call(job_.callable, task, 0);
    return;
  }
  next_task_.store(0, std::memory_order_relaxed);
  running_.store(static_cast<std::uint32_t>(workers_.size()), std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  run_share(0);
  for (std::uint32_t running; (running = running_.load(std::memory_order_acquire)) != 0;) {
    wait_while(running_, running);
  }
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadPool::work(std::size_t worker) {
  for (std::uint32_t seen = 0;; ++seen) {
    wait_while(epoch_, seen);
    if (stopping_) return;
    run_share(worker);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_one();
  }
}

void ThreadPool::run_share(std::size_t worker) {
  const jit::ThreadScope scope(isa_);
  if (job_.schedule == Schedule::fixed) {
    const std::size_t begin = job_.tasks * worker / threads();
    const std::size_t end = job_.tasks * (worker + 1) / threads();
    for (std::size_t task = begin; task < end; ++task) run_task(task, worker);
    return;
  }
  for (;;) {
    const std::size_t task = next_task_.fetch_add(1, std::memory_order_relaxed);
    if (task >= job_.tasks) return;
    run_task(task, worker);
  }
}

// Tasks before a failed one still run, so that which exception is reported does not depend on who
// was faster.
void ThreadPool::run_task(std::size_t task, std::size_t worker) {
  if (task > failed_task_.load(std::memory_order_relaxed)) return;
  try {
    job_.call(job_.callable, task, worker);
  } catch (...) {
    const std::scoped_lock lock(failure_mutex_);
    if (task < failed_task_.load(std::memory_order_relaxed)) {
      failed_task_.store(task, std::memory_order_relaxed);
      failure_ = std::current_exception();
    }
  }
}

}  // namespace bertq::engine
