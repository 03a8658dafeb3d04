// Whether a code path computes what it should here: by executing it.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "jit/isa.h"

namespace bertq::engine::cli {

// Runs two small products, FP32 and INT8, and compares all bits with the plain C++ ones. Empty if
// all is well, else what went wrong. Only while the process has one thread.
std::string check_isa(jit::Isa isa);

// Calls `body` in a child process, so that an instruction that faults, or never ends, ends only
// that, and leaves no core file. Empty if it returns, else "ended by SIGILL", "did not end within
// 20 s", or what body's exception says.
std::string in_child(const std::function<void()>& body,
                     std::chrono::seconds limit = std::chrono::seconds(20));

}  // namespace bertq::engine::cli
