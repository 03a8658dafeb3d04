// What every function of the C API does before and after its own work.
#pragma once

#include <pthread.h>
#include <xmmintrin.h>

#include <cstdint>
#include <exception>
#include <string>

#include "bertq/bertq.h"

namespace bertq::engine::c_api {

// A result that C programs are told by a code of their own, beside those of ErrorKind.
class StatusError : public std::exception {
 public:
  // `message` outlives the error.
  StatusError(bertq_status status, const char* message) : status_(status), message_(message) {}
  bertq_status status() const { return status_; }
  const char* what() const noexcept override { return message_; }

 private:
  bertq_status status_;
  const char* message_;
};

// The calling thread's floating-point settings do not reach our arithmetic, nor ours the thread;
// and it is not cancelled within, which would unwind through what must end.
class HostThread {
 public:
  HostThread() : mxcsr_(_mm_getcsr()) {
    ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state_);
    _mm_setcsr(default_mxcsr);
  }
  ~HostThread() {
    _mm_setcsr(mxcsr_);
    ::pthread_setcancelstate(cancel_state_, nullptr);
  }
  HostThread(const HostThread&) = delete;
  HostThread& operator=(const HostThread&) = delete;

 private:
  static constexpr std::uint32_t default_mxcsr = 0x1f80;  // to nearest, denormals kept, no traps
  std::uint32_t mxcsr_;
  int cancel_state_ = 0;
};

// From within a catch block: the code of what was thrown, its text becomes bertq_last_error().
bertq_status report_exception() noexcept;
void forget_error() noexcept;

template <typename Function>
bertq_status call(Function&& function) noexcept {
  const HostThread host;
  try {
    forget_error();
    function();
    return BERTQ_OK;
  } catch (...) {
    return report_exception();
  }
}

}  // namespace bertq::engine::c_api
