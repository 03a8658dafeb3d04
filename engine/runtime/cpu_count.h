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

// The default number of threads: the physical cores that this process may use, and no more than the
// quota. SMT siblings share the multipliers that the kernels keep busy: a second thread on a core
// would only wait for them. Read once a process.
std::size_t usable_cpus();

}  // namespace bertq::engine
