// The cores of this machine that are for us, and how they lie: packages, NUMA nodes, SMT siblings.
//
// Read from /sys/devices/system (Linux, Documentation/ABI/stable/sysfs-devices-system-cpu), one
// short file or two a core: 0.05 ms for two cores. hwloc reads the same files in 1 ms, and first
// loads its plugins (OpenCL, OpenGL, PCI) where they are installed, in 20 to 40 ms, each time: more
// than a prediction takes. So hwloc is what the tests hold this against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "engine/runtime/cpu_set.h"

namespace bertq::engine {

struct Core {
  std::uint32_t node = 0, package = 0;  // the kernel's numbers
  CpuSet cpus;                          // those of its SMT siblings that are allowed; never empty
};

struct Topology {
  std::vector<Core> cores;  // with an allowed CPU; by node, then package, then lowest CPU
  CpuSet allowed;

  std::size_t packages() const;
  std::vector<std::uint32_t> nodes() const;  // that have a core of ours, ascending
  CpuSet cpus_of_node(std::uint32_t node) const;
  std::size_t most_siblings() const;  // allowed CPUs of a core
};

// Of the `allowed` CPUs. What `system` does not tell is taken to be simple: a CPU is a core of its
// own, all in package 0 and node 0.
Topology read_topology(const CpuSet& allowed,
                       const std::filesystem::path& system = "/sys/devices/system");

// For the CPUs that the thread which first asks is allowed. Read once a process.
const Topology& machine_topology();

// CPUs for each of `instances` that work side by side: the NUMA nodes where there are as many, else
// contiguous shares of the cores, all about as large; with more instances than cores, of their
// CPUs; with more than CPUs, one each, in turn. Never empty. Throws Error (usage) for 0 or more
// than 1024.
std::vector<CpuSet> instance_cpus(std::size_t instances, const Topology& topology);
std::vector<CpuSet> instance_cpus(std::size_t instances);  // on this machine

}  // namespace bertq::engine
