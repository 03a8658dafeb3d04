// What the control group of this process allows it: CPU time and memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace bertq::engine {

// Where Linux keeps them; tests give others.
struct CgroupFiles {
  std::filesystem::path self = "/proc/self/cgroup";
  std::filesystem::path mount = "/sys/fs/cgroup";
};

// The least limit of this process's control group and all its parents; empty where there is none.
// Both read cgroup v2 (cpu.max, memory.max) and v1 (cpu.cfs_quota_us, memory.limit_in_bytes). Files
// that cannot be read or that hold anything unexpected count as no limit.
std::optional<double> cgroup_cpu_quota(const CgroupFiles& files = {});            // in CPUs
std::optional<std::uint64_t> cgroup_memory_limit(const CgroupFiles& files = {});  // in bytes

}  // namespace bertq::engine
