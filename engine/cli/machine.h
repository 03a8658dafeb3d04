// What this machine offers and what bertq makes of it: the facts behind `bertq doctor`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/cli/arguments.h"
#include "engine/runtime/topology.h"
#include "jit/isa.h"

namespace bertq::engine::cli {

struct IsaState {
  jit::Isa isa;
  std::string lacking;     // empty: available
  bool faults = false;     // lacking although it is promised: it was tried, and left out
  std::string wrong = {};  // of an available one, what was wrong with its products; empty: nothing
};

// Empty where Linux does not tell.
struct Memory {
  std::optional<std::uint64_t> total, available;
  std::optional<std::uint64_t> limit;  // of the control group
  std::optional<std::uint64_t> free_huge_pages, huge_page_bytes;
  std::string transparent_huge_pages;  // "always", "madvise", "never" or "unknown"
};

struct Choice {
  std::string what, why;  // `what` empty: nothing can be chosen
};

struct Machine {
  jit::CpuDescription cpu;
  std::optional<std::uint64_t> l3_bytes;
  CpuSet l3_cpus;  // that share it with the first of ours
  Topology topology;
  CpuSet online;
  std::optional<double> cpu_quota;
  Memory memory;
  std::vector<IsaState> isas;
  std::optional<bool> tiles_permitted;  // AMX: whether this process may use them
  std::size_t least_signal_stack = 0;   // bytes that a handler's stack needs for the CPU's state

  Choice isa, threads;
  std::vector<CpuSet> instances;  // offered
};

// Executes every available path, each in a child process: only while the process has one thread.
Machine examine_machine(const Arguments& arguments);

}  // namespace bertq::engine::cli
