#include "engine/api/guarded.h"

#include <pthread.h>

#include <atomic>
#include <stdexcept>

#include "engine/runtime/failure.h"

namespace bertq {
namespace {

std::atomic<unsigned> fork_count{0};

}  // namespace

Error as_error(const std::exception& error) {
  // The tokenizer's word for a limit that has no room for the special tokens.
  if (dynamic_cast<const std::invalid_argument*>(&error) != nullptr) {
    return {ErrorKind::usage, error.what()};
  }
  const engine::Failure failure = engine::describe(error);
  return {failure.kind, failure.message};
}

std::exception_ptr as_error(const std::exception_ptr& error) {
  if (!error) return error;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return std::make_exception_ptr(as_error(known));
  } catch (...) {
    return error;
  }
}

unsigned forks() noexcept {
  static const int registered =
      pthread_atfork(nullptr, nullptr, [] { fork_count.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(registered);
  return fork_count.load(std::memory_order_relaxed);
}

}  // namespace bertq
