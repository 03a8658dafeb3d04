// The machine code that this process has generated, as a profiler would find it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bertq::testing {

struct GeneratedKernel {
  const std::uint8_t* code;
  std::size_t size;
  std::string name;  // without "bertq.", with which all begin in the profiler's list
};

// All kernels so far, from /tmp/perf-PID.map, which this switches on (jit/kernels.h).
std::vector<GeneratedKernel> generated_kernels();

}  // namespace bertq::testing
