#include "engine/runtime/thread_pool.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bertq/error.h"

namespace bertq::testing {
using namespace engine;
namespace {

constexpr Schedule schedules[] = {Schedule::fixed, Schedule::dynamic};

TEST_CASE("each task runs once, on a worker that exists") {
  for (const std::size_t threads : {1U, 2U, 3U, 5U}) {
    ThreadPool pool(threads, jit::Isa::reference);
    CHECK(pool.threads() == threads);
    for (const Schedule schedule : schedules) {
      for (std::size_t tasks = 0; tasks < 40; ++tasks) {
        std::vector<std::atomic<int>> runs(tasks);
        std::atomic<bool> worker_exists = true;
        pool.parallel_for(tasks, schedule, [&](std::size_t task, std::size_t worker) {
          ++runs[task];
          if (worker >= threads) worker_exists = false;
        });
        CHECK(worker_exists);
        for (const std::atomic<int>& count : runs) CHECK(count == 1);
      }
    }
  }
}

TEST_CASE("what a phase writes the next one sees, without pause between them") {
  ThreadPool pool(3, jit::Isa::reference);
  std::vector<std::size_t> before(50, 0), after(50, 0);
  for (std::size_t phase = 0; phase < 2000; ++phase) {
    pool.parallel_for(before.size(), schedules[phase % 2], [&](std::size_t task, std::size_t) {
      after[task] = before[(task + 17) % before.size()] + 1;
    });
    std::swap(before, after);
  }
  for (const std::size_t value : before) CHECK(value == 2000);
}

TEST_CASE("the fixed schedule gives a worker the same contiguous tasks each time") {
  ThreadPool pool(3, jit::Isa::reference);
  std::vector<std::size_t> first(10), second(10);
  pool.parallel_for(10, Schedule::fixed,
                    [&](std::size_t task, std::size_t worker) { first[task] = worker; });
  pool.parallel_for(10, Schedule::fixed,
                    [&](std::size_t task, std::size_t worker) { second[task] = worker; });
  CHECK(first == second);
  CHECK(std::is_sorted(first.begin(), first.end()));
  CHECK(std::set<std::size_t>(first.begin(), first.end()).size() == 3);
}

TEST_CASE("the exception of the first failing task reaches the caller, and the pool goes on") {
  for (const std::size_t threads : {1U, 2U, 4U}) {
    ThreadPool pool(threads, jit::Isa::reference);
    for (const Schedule schedule : schedules) {
      for (int round = 0; round < 50; ++round) {
        std::string caught;
        try {
          pool.parallel_for(20, schedule, [](std::size_t task, std::size_t) {
            if (task % 5 == 3) throw std::runtime_error("task " + std::to_string(task));
          });
        } catch (const std::runtime_error& error) {
          caught = error.what();
        }
        CHECK(caught == "task 3");
        std::atomic<int> runs = 0;
        pool.parallel_for(20, schedule, [&](std::size_t, std::size_t) { ++runs; });
        CHECK(runs == 20);
      }
    }
  }
}

TEST_CASE("a number of threads that cannot be is a usage error") {
  for (const std::size_t threads : {std::size_t{0}, std::size_t{1025}, ~std::size_t{0}}) {
    CHECK_THROWS_WITH_AS(ThreadPool(threads, jit::Isa::reference),
                         ("expected 1 to 1024 threads, got " + std::to_string(threads)).c_str(),
                         Error);
  }
}

}  // namespace
}  // namespace bertq::testing
