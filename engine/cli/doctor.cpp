// bertq doctor: what this machine offers, and what will be used and why.

#include <fmt/format.h>

#include <string>
#include <vector>

#include "bertq/error.h"
#include "engine/cli/joined.h"
#include "engine/cli/json_output.h"
#include "engine/cli/machine.h"
#include "engine/cli/verbs.h"

namespace bertq::engine::cli {
namespace {

constexpr double kibi = 1024.0, mebi = kibi * kibi, gibi = kibi * mebi;

std::string amount(const std::optional<std::uint64_t>& bytes, double unit, std::string_view name) {
  return bytes ? fmt::format("{:.1f} {}", static_cast<double>(*bytes) / unit, name) : "unknown";
}

std::string count(std::size_t number, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", number, number == 1 ? one : many);
}

// On the path that will be used.
bool fast_bf16(const Machine& machine) {
  const auto isa = jit::parse_isa(machine.isa.what);
  return isa && jit::has_fast_bf16(*isa);
}

std::string isa_text(const IsaState& state) {
  if (state.faults) return fmt::format("FAULTS: {}", state.lacking);
  if (!state.lacking.empty()) return fmt::format("no: {}", state.lacking);
  return state.wrong.empty() ? "yes; executed, same bits as the reference"
                             : fmt::format("BROKEN: {}", state.wrong);
}

std::string caches_text(const Machine& machine) {
  std::string text = fmt::format("per core {} KiB L1 data, {} KiB L2",
                                 machine.cpu.l1_data_bytes / 1024, machine.cpu.l2_bytes / 1024);
  if (machine.l3_bytes) text += fmt::format("; {} L3", amount(machine.l3_bytes, mebi, "MiB"));
  if (!machine.l3_cpus.empty()) text += fmt::format(" for CPUs {}", machine.l3_cpus.text());
  return text;
}

std::string cores_text(const Topology& topology) {
  return fmt::format("{} in {} and {}, {} each", count(topology.cores.size(), "core", "cores"),
                     count(topology.packages(), "package", "packages"),
                     count(topology.nodes().size(), "NUMA node", "NUMA nodes"),
                     count(topology.most_siblings(), "CPU", "CPUs"));
}

std::string memory_text(const Memory& memory) {
  return fmt::format("{}, {} available; limit of the control group: {}",
                     amount(memory.total, gibi, "GiB"), amount(memory.available, gibi, "GiB"),
                     memory.limit ? amount(memory.limit, gibi, "GiB") : "none");
}

std::string tiles_text(const Machine& machine) {
  if (!machine.tiles_permitted) return "the kernel does not know them";
  return *machine.tiles_permitted ? "this process may use them"
                                  : fmt::format("not permitted: {}", machine.isas.back().lacking);
}

std::string instances_text(const Machine& machine) {
  std::vector<std::string> sets;
  for (const CpuSet& cpus : machine.instances) sets.push_back(cpus.text());
  return sets.size() == 1
             ? "1: there is one NUMA node"
             : fmt::format("{}, one for each NUMA node: CPUs {}", sets.size(), joined(sets, " | "));
}

std::string as_text(const Machine& machine) {
  std::string text;
  const auto line = [&](std::string_view label, const std::string& value) {
    text += fmt::format("{:<14}{}\n", label, value);
  };
  line("cpu", machine.cpu.name);
  line("caches", caches_text(machine));
  line("cores", cores_text(machine.topology));
  line("allowed",
       fmt::format("CPUs {} of {}; quota {}", machine.topology.allowed.text(),
                   machine.online.empty() ? "unknown" : machine.online.text(),
                   machine.cpu_quota ? fmt::format("{:g} CPUs", *machine.cpu_quota) : "none"));
  line("memory", memory_text(machine.memory));
  line("huge pages", fmt::format("transparent: {}; reserved and free: {} of {}",
                                 machine.memory.transparent_huge_pages,
                                 machine.memory.free_huge_pages.value_or(0),
                                 amount(machine.memory.huge_page_bytes, mebi, "MiB")));
  line("AMX tiles", tiles_text(machine));
  line("signal stack",
       fmt::format("at least {} bytes with this CPU's registers", machine.least_signal_stack));
  text += '\n';
  for (const IsaState& state : machine.isas) line(jit::isa_name(state.isa), isa_text(state));
  text += '\n';
  line("will use", machine.isa.what.empty()
                       ? fmt::format("nothing: {}", machine.isa.why)
                       : fmt::format("{}, {}", machine.isa.what, machine.isa.why));
  line("BF16", fast_bf16(machine)
                   ? "fast: multiplied by instructions of its own"
                   : "widened and multiplied in FP32: half the memory, no less time");
  line("threads", fmt::format("{}, {}", machine.threads.what, machine.threads.why));
  line("instances", instances_text(machine));
  line("pinning", machine.instances.size() == 1
                      ? "none: the kernel places threads"
                      : "each instance of several to its CPUs; else none");
  return text;
}

Json as_json(const IsaState& state) {
  Json row = {{"isa", jit::isa_name(state.isa)}, {"available", state.lacking.empty()}};
  if (!state.lacking.empty()) {
    row["lacking"] = state.lacking;
    row["faults"] = state.faults;
  } else {
    row["works"] = state.wrong.empty();
    if (!state.wrong.empty()) row["fault"] = state.wrong;
  }
  return row;
}

Json as_json(const Machine& machine) {
  Json isas = Json::array(), nodes = Json::array(), instances = Json::array();
  for (const IsaState& state : machine.isas) isas.push_back(as_json(state));
  for (const std::uint32_t node : machine.topology.nodes()) {
    nodes.push_back({{"node", node}, {"cpus", machine.topology.cpus_of_node(node).text()}});
  }
  for (const CpuSet& cpus : machine.instances) instances.push_back(cpus.text());
  const Memory& memory = machine.memory;
  return {{"schema_version", 1},
          {"version", BERTQ_VERSION},
          {"cpu", machine.cpu.name},
          {"l1_data_bytes", machine.cpu.l1_data_bytes},
          {"l2_bytes", machine.cpu.l2_bytes},
          {"l3_bytes", json_or_null(machine.l3_bytes)},
          {"packages", machine.topology.packages()},
          {"numa_nodes", nodes},
          {"cores", machine.topology.cores.size()},
          {"cpus_per_core", machine.topology.most_siblings()},
          {"cpus", machine.topology.allowed.text()},
          {"allowed_cpus", machine.topology.allowed.size()},
          {"online_cpus", machine.online.text()},
          {"cpu_quota", json_or_null(machine.cpu_quota)},
          {"memory_bytes", json_or_null(memory.total)},
          {"available_memory_bytes", json_or_null(memory.available)},
          {"memory_limit_bytes", json_or_null(memory.limit)},
          {"transparent_huge_pages", memory.transparent_huge_pages},
          {"free_huge_pages", json_or_null(memory.free_huge_pages)},
          {"huge_page_bytes", json_or_null(memory.huge_page_bytes)},
          {"amx_tiles_permitted", json_or_null(machine.tiles_permitted)},
          {"least_signal_stack_bytes", machine.least_signal_stack},
          {"isas", isas},
          {"isa", machine.isa.what.empty() ? Json(nullptr) : Json(machine.isa.what)},
          {"isa_because", machine.isa.why},
          {"fast_bf16", fast_bf16(machine)},
          {"threads", std::stoull(machine.threads.what)},
          {"threads_because", machine.threads.why},
          {"instances", instances}};
}

}  // namespace

void doctor(const Arguments& arguments, Output& output, const Console&) {
  const Machine machine = examine_machine(arguments);
  if (arguments.text("format") == "json") {
    write_json(output, as_json(machine));
  } else {
    output.write(as_text(machine));
  }
  output.finish();
  if (machine.isa.what.empty()) throw jit::IsaUnavailable(machine.isa.why);
  for (const IsaState& state : machine.isas) {
    if (!state.wrong.empty()) {
      throw Error(ErrorKind::internal, fmt::format("{}: {}; choose another path with --isa",
                                                   jit::isa_name(state.isa), state.wrong));
    }
  }
}

}  // namespace bertq::engine::cli
