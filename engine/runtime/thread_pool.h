// Fork-join over a fixed set of threads, of which the caller is one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include "engine/runtime/cpu_set.h"
#include "jit/isa.h"

namespace bertq::engine {

// How tasks find their threads: in contiguous shares known beforehand, so that a thread meets the
// same rows phase after phase, or one by one as threads become free.
enum class Schedule : std::uint8_t { fixed, dynamic };

// One caller at a time; tasks may not call parallel_for themselves. With one thread there is no
// synchronisation at all. Idle threads spin for a while, since a forward pass is a train of short
// phases, and then sleep; they sleep at once if there are more threads than CPUs, where spinning
// would only keep the others from working.
class ThreadPool {
 public:
  // The threads that it starts run on `cpus`, if any are named and allowed; the caller's own place
  // is the caller's to choose (pin_thread), and without `cpus` the others inherit it. Throws Error:
  // usage for 0 threads or more than 1024, resources if the system has no more.
  ThreadPool(std::size_t threads, jit::Isa isa, const CpuSet& cpus = {});
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t threads() const { return workers_.size() + 1; }

  // Runs function(task, worker) for each task, worker being 0..threads() - 1, and returns when all
  // have ended. Each thread's tasks run in one jit::ThreadScope. If tasks throw, the exception of
  // the first of them, by number, reaches the caller; later tasks may then not run. Allocates
  // nothing.
  template <typename Function>
  void parallel_for(std::size_t tasks, Schedule schedule, Function&& function) {
    using Callable = std::remove_reference_t<Function>;
    run({tasks, schedule, const_cast<void*>(static_cast<const void*>(std::addressof(function))),
         [](void* callable, std::size_t task, std::size_t worker) {
           (*static_cast<Callable*>(callable))(task, worker);
         }});
  }

 private:
  struct Job {
    std::size_t tasks = 0;
    Schedule schedule = Schedule::fixed;
    void* callable = nullptr;
    void (*call)(void* callable, std::size_t task, std::size_t worker) = nullptr;
  };
  static constexpr std::size_t no_task = ~std::size_t{0};

  void run(const Job& job);
  void work(std::size_t worker);
  void run_share(std::size_t worker);
  void run_task(std::size_t task, std::size_t worker);
  void stop();
  template <typename Value>
  void wait_while(const std::atomic<Value>& atomic, Value value) const;

  jit::Isa isa_;
  bool spin_;
  bool stopping_ = false;
  Job job_;  // published by epoch_
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
  std::vector<std::thread> workers_;
  // Each on its own cache line: they are written by all.
  alignas(64) std::atomic<std::uint32_t> epoch_{0};    // counts jobs
  alignas(64) std::atomic<std::uint32_t> running_{0};  // workers that have not finished the job
  alignas(64) std::atomic<std::size_t> next_task_{0};
  alignas(64) std::atomic<std::size_t> failed_task_{no_task};
};

}  // namespace bertq::engine
