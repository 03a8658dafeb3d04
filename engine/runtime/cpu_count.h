// How many threads serve this process: by the cores it may use and the CPU time it is given.
#pragma once

#include <cstddef>
#include <limits>

#include "engine/runtime/topology.h"

namespace bertq::engine {

// The quota of the control group in whole CPUs, at least 1, or the largest number where there is
// none: more threads than this would only be stopped in turn. Read once a process.
std::size_t quota_cpus();
inline constexpr std::size_t no_quota = std::numeric_limits<std::size_t>::max();

inline constexpr std::size_t most_threads = 1024;  // of a pool

// The default number of threads: the physical cores that this process may use, and no more than the
// quota. SMT siblings share the multipliers that the kernels keep busy: a second thread on a core
// would only wait for them. Read once a process.
std::size_t usable_cpus();

// Threads of each of `instances` (at least 1) that work side by side, from what a user asks for: 0
// is usable_cpus(), divided among them. All together never exceed the quota, but each has one. What
// is more than most_threads is left as it is, for ThreadPool to refuse.
std::size_t threads_of_each(std::size_t asked, std::size_t instances = 1);

}  // namespace bertq::engine
