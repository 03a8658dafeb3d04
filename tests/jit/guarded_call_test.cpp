#include "jit/guarded_call.h"

#include <doctest/doctest.h>
#include <setjmp.h>
#include <signal.h>

#include <atomic>
#include <thread>
#include <vector>

namespace bertq::testing {
namespace {

using jit::guarded_call;

void (*handler_of(int signal))(int) {
  struct sigaction action {};
  ::sigaction(signal, nullptr, &action);
  return action.sa_handler;
}

TEST_CASE("a fault is told, and the program goes on") {
  bool ran = false;
  CHECK(guarded_call([&] { ran = true; }) == 0);
  CHECK(ran);
  for (int round = 0; round < 3; ++round) {
    CHECK(guarded_call([] { __builtin_trap(); }) == SIGILL);
    for (const int signal : {SIGILL, SIGSEGV, SIGBUS, SIGFPE}) {
      CHECK(guarded_call([=] { ::raise(signal); }) == signal);
    }
  }
}

TEST_CASE("handlers and the signal mask are as they were") {
  const auto before = handler_of(SIGILL);
  CHECK(guarded_call([] { __builtin_trap(); }) == SIGILL);
  const bool same_handler = handler_of(SIGILL) == before;
  CHECK(same_handler);
  sigset_t blocked;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  CHECK(sigismember(&blocked, SIGILL) == 0);
}

TEST_CASE("many threads fault at once, and each is told its own") {
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const int expected = i % 2 == 0 ? SIGILL : SIGFPE;
      for (int round = 0; round < 200; ++round) {
        if (guarded_call([=] { ::raise(expected); }) != expected) ++wrong;
        if (guarded_call([] {}) != 0) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

thread_local sigjmp_buf own_landing;
std::atomic<int> own_faults = 0;

TEST_CASE("a fault of another thread takes its own course") {
  struct sigaction own {
  }, before{};
  own.sa_handler = [](int) {
    ++own_faults;
    siglongjmp(own_landing, 1);
  };
  ::sigaction(SIGILL, &own, &before);
  const int told = guarded_call([] {
    std::thread([] {
      if (sigsetjmp(own_landing, 1) == 0) __builtin_trap();
    }).join();
  });
  ::sigaction(SIGILL, &before, nullptr);
  CHECK(told == 0);
  CHECK(own_faults == 1);
}

}  // namespace
}  // namespace bertq::testing
