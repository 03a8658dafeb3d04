// Calling code of which it is not known whether this CPU executes it.
#pragma once

#include <functional>

namespace bertq::jit {

// Calls `body` and returns 0, or the signal (SIGILL, SIGSEGV, SIGBUS or SIGFPE) that it raised in
// this thread; it is then left where it stood, so it should own nothing. Faults of other threads in
// the meantime take the course that they would have taken. One call at a time; others wait.
int guarded_call(const std::function<void()>& body);

}  // namespace bertq::jit
