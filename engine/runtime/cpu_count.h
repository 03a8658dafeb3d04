// How many CPUs this process may really use: its affinity mask and the quota of its control group.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

namespace bertq::engine {

// CPUs in the affinity mask of the calling thread, at least 1.
std::size_t affinity_cpus();

// The CPU quota of this process's control group or any of its parents, in CPUs; empty where there
// is none. Reads cgroup v2 (cpu.max) and v1 (cpu.cfs_quota_us). `self_cgroup` and `mount` are
// /proc/self/cgroup and /sys/fs/cgroup; tests give others. Files that cannot be read or that hold
// anything unexpected count as no quota.
std::optional<double> cgroup_quota(const std::filesystem::path& self_cgroup,
                                   const std::filesystem::path& mount);

// The smaller of both, rounded down, at least 1: more threads than this would wait for one another.
// Read once a process.
std::size_t usable_cpus();

}  // namespace bertq::engine
