#include "jit/guarded_call.h"

#include <setjmp.h>
#include <signal.h>

#include <array>
#include <mutex>

namespace bertq::jit {
namespace {

constexpr std::array faults = {SIGILL, SIGSEGV, SIGBUS, SIGFPE};
std::array<struct sigaction, faults.size()> saved_actions;

// Where a fault of this thread continues; null outside of guarded_call. Read by a signal handler,
// so it must not be made on first use.
thread_local sigjmp_buf* landing __attribute__((tls_model("initial-exec"))) = nullptr;

void land(int signal) {
  if (landing != nullptr) siglongjmp(*landing, signal);
  // Another thread's: it tries its instruction again, and whoever cared before cares for it.
  for (std::size_t i = 0; i < faults.size(); ++i) {
    if (faults[i] == signal) ::sigaction(signal, &saved_actions[i], nullptr);
  }
}

class Handlers {
 public:
  Handlers() {
    struct sigaction action {};
    action.sa_handler = land;
    sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < faults.size(); ++i) {
      ::sigaction(faults[i], &action, &saved_actions[i]);
    }
  }
  ~Handlers() {
    for (std::size_t i = 0; i < faults.size(); ++i) {
      ::sigaction(faults[i], &saved_actions[i], nullptr);
    }
  }
  Handlers(const Handlers&) = delete;
  Handlers& operator=(const Handlers&) = delete;
};

}  // namespace

int guarded_call(const std::function<void()>& body) {
  static std::mutex mutex;
  const std::scoped_lock lock(mutex);
  const Handlers handlers;
  sigjmp_buf here;
  landing = &here;
  constexpr int save_mask = 1;
  const int signal = sigsetjmp(here, save_mask);
  if (signal == 0) body();
  landing = nullptr;
  return signal;
}

}  // namespace bertq::jit
