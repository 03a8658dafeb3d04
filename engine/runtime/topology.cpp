#include "engine/runtime/topology.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "bertq/error.h"

namespace bertq::engine {
namespace {

constexpr std::size_t most_instances = 1024;

std::string first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The CPUs of a list file; empty where there is none.
std::optional<CpuSet> cpus_in(const std::filesystem::path& path) {
  const std::string line = first_line(path);
  return line.empty() ? std::nullopt : CpuSet::parse(line);
}

std::map<std::uint32_t, std::uint32_t> nodes_of_cpus(const std::filesystem::path& nodes) {
  std::map<std::uint32_t, std::uint32_t> node_of;
  const auto online = cpus_in(nodes / "online");  // nodes, in the same form
  if (!online) return node_of;
  for (const std::uint32_t node : *online) {
    const auto cpus = cpus_in(nodes / ("node" + std::to_string(node)) / "cpulist");
    if (!cpus) continue;  // memory alone
    for (const std::uint32_t cpu : *cpus) node_of[cpu] = node;
  }
  return node_of;
}

Core core_of(std::uint32_t cpu, const std::filesystem::path& cpus) {
  const std::filesystem::path folder = cpus / ("cpu" + std::to_string(cpu)) / "topology";
  Core core;
  auto siblings = cpus_in(folder / "core_cpus_list");
  if (!siblings) siblings = cpus_in(folder / "thread_siblings_list");  // before Linux 5.3
  core.cpus = siblings && siblings->contains(cpu) ? *siblings : CpuSet({cpu});
  const auto package = cpus_in(folder / "physical_package_id");  // one number; -1 if unknown
  if (package && package->size() == 1) core.package = *package->begin();
  return core;
}

// Share `index` of `parts` of the units, as one set.
template <typename Units, typename CpusOf>
CpuSet share_of(const Units& units, std::size_t index, std::size_t parts, CpusOf cpus_of) {
  CpuSet share;
  const std::size_t end = units.size() * (index + 1) / parts;
  for (std::size_t i = units.size() * index / parts; i < end; ++i) share.insert(cpus_of(units[i]));
  return share;
}

}  // namespace

std::size_t Topology::packages() const {
  std::set<std::uint32_t> found;
  for (const Core& core : cores) found.insert(core.package);
  return found.size();
}

std::vector<std::uint32_t> Topology::nodes() const {
  std::set<std::uint32_t> found;
  for (const Core& core : cores) found.insert(core.node);
  return {found.begin(), found.end()};
}

CpuSet Topology::cpus_of_node(std::uint32_t node) const {
  CpuSet cpus;
  for (const Core& core : cores) {
    if (core.node == node) cpus.insert(core.cpus);
  }
  return cpus;
}

std::size_t Topology::most_siblings() const {
  std::size_t most = 0;
  for (const Core& core : cores) most = std::max(most, core.cpus.size());
  return most;
}

Topology read_topology(const CpuSet& allowed, const std::filesystem::path& system) {
  Topology topology;
  topology.allowed = allowed.empty() ? CpuSet({0}) : allowed;
  const auto node_of = nodes_of_cpus(system / "node");
  CpuSet seen;
  for (const std::uint32_t cpu : topology.allowed) {
    if (seen.contains(cpu)) continue;  // a sibling told of it
    Core core = core_of(cpu, system / "cpu");
    core.cpus = core.cpus.intersection(topology.allowed);
    if (const auto node = node_of.find(cpu); node != node_of.end()) core.node = node->second;
    seen.insert(core.cpus);
    topology.cores.push_back(std::move(core));
  }
  std::stable_sort(topology.cores.begin(), topology.cores.end(), [](const Core& a, const Core& b) {
    return std::tie(a.node, a.package) < std::tie(b.node, b.package);
  });
  return topology;
}

const Topology& machine_topology() {
  static const Topology topology = read_topology(allowed_cpus());
  return topology;
}

std::vector<CpuSet> instance_cpus(std::size_t instances, const Topology& topology) {
  if (instances == 0 || instances > most_instances) {
    throw Error(ErrorKind::usage, "expected 1 to " + std::to_string(most_instances) +
                                      " instances, got " + std::to_string(instances));
  }
  std::vector<CpuSet> sets;
  if (const auto nodes = topology.nodes(); nodes.size() == instances) {
    for (const std::uint32_t node : nodes) sets.push_back(topology.cpus_of_node(node));
    return sets;
  }
  std::vector<std::uint32_t> cpus;  // siblings beside each other
  for (const Core& core : topology.cores)
    cpus.insert(cpus.end(), core.cpus.begin(), core.cpus.end());
  for (std::size_t i = 0; i < instances; ++i) {
    if (instances <= topology.cores.size()) {
      sets.push_back(share_of(topology.cores, i, instances, [](const Core& c) { return c.cpus; }));
    } else if (instances <= cpus.size()) {
      sets.push_back(share_of(cpus, i, instances, [](std::uint32_t cpu) { return CpuSet({cpu}); }));
    } else {
      sets.push_back(CpuSet({cpus[i % cpus.size()]}));
    }
  }
  return sets;
}

std::vector<CpuSet> instance_cpus(std::size_t instances) {
  return instance_cpus(instances, machine_topology());
}

}  // namespace bertq::engine
