// A ThreadPool that several sessions may use: they take turns, a forward pass at a time.
#pragma once

#include <cstddef>
#include <mutex>

#include "engine/runtime/thread_pool.h"
#include "jit/isa.h"

namespace bertq::engine {

class SharedThreadPool {
 public:
  // Throws what ThreadPool throws.
  SharedThreadPool(std::size_t threads, jit::Isa isa) : isa_(isa), pool_(threads, isa) {}

  jit::Isa isa() const { return isa_; }
  std::size_t threads() const { return pool_.threads(); }

  // Who uses the pool holds his turn meanwhile. Waits for those of others.
  [[nodiscard]] std::unique_lock<std::mutex> take_turn() { return std::unique_lock(turn_); }
  ThreadPool& pool() { return pool_; }

 private:
  jit::Isa isa_;
  std::mutex turn_;
  ThreadPool pool_;
};

}  // namespace bertq::engine
