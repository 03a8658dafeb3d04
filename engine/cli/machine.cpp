#include "engine/cli/machine.h"

#include <fmt/format.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string_view>
#include <utility>

#include "engine/cli/isa_check.h"
#include "engine/cli/machine_notes.h"
#include "engine/cli/memory.h"
#include "engine/cli/setup.h"
#include "engine/runtime/cgroup.h"
#include "engine/runtime/cpu_count.h"

namespace bertq::engine::cli {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The word in brackets of "always [madvise] never".
std::string transparent_huge_pages() {
  const std::string line = first_line("/sys/kernel/mm/transparent_hugepage/enabled");
  const std::size_t open = line.find('['), close = line.find(']');
  return open < close && close != std::string::npos ? line.substr(open + 1, close - open - 1)
                                                    : "unknown";
}

Memory examine_memory() {
  Memory memory;
  memory.total = proc_bytes("/proc/meminfo", "MemTotal");
  memory.available = proc_bytes("/proc/meminfo", "MemAvailable");
  memory.limit = cgroup_memory_limit();
  memory.free_huge_pages = proc_number("/proc/meminfo", "HugePages_Free");
  memory.huge_page_bytes = proc_bytes("/proc/meminfo", "Hugepagesize");
  memory.transparent_huge_pages = transparent_huge_pages();
  return memory;
}

// "32768K". sysconf() counts all caches of a package as one.
std::optional<std::uint64_t> kibibytes(const std::string& text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || std::string_view(parsed.ptr, end) != "K") return std::nullopt;
  return number * 1024;
}

void examine_l3(Machine& machine) {
  const std::string cpu = std::to_string(*machine.topology.allowed.begin());
  const std::string cache = "/sys/devices/system/cpu/cpu" + cpu + "/cache/index3/";
  machine.l3_bytes = kibibytes(first_line(cache + "size"));
  machine.l3_cpus = CpuSet::parse(first_line(cache + "shared_cpu_list")).value_or(CpuSet());
}

// Asks, and changes nothing (arch_prctl, Linux 5.16).
std::optional<bool> tiles_permitted() {
  constexpr long get_permissions = 0x1022;  // ARCH_GET_XCOMP_PERM
  constexpr unsigned tile_data = 18;        // XFEATURE_XTILEDATA
  std::uint64_t permitted = 0;
  if (::syscall(SYS_arch_prctl, get_permissions, &permitted) != 0) return std::nullopt;
  return (permitted >> tile_data & 1U) != 0;
}

IsaState examine_isa(jit::Isa isa) {
  IsaState state{isa, jit::why_unavailable(isa)};
  state.faults = !state.lacking.empty() && jit::why_not_promised(isa).empty();
  if (state.lacking.empty()) state.wrong = check_isa(isa);
  return state;
}

bool asked(const Arguments& arguments, const char* flag) {
  return arguments.given(flag) && arguments.text(flag) != "auto";
}

Choice choose_isa(const Arguments& arguments, const std::vector<IsaState>& isas) {
  try {
    const std::string name(jit::isa_name(chosen_isa(arguments)));
    if (asked(arguments, "isa")) return {name, "as asked for"};
    std::string why = "the best that is available";
    for (const IsaState& state : isas) {
      if (state.faults) why += fmt::format("; {} faults", jit::isa_name(state.isa));
    }
    return {name, why};
  } catch (const jit::IsaUnavailable& error) {
    return {"", error.what()};
  }
}

Choice choose_threads(const Arguments& arguments, const Topology& topology) {
  const std::string count = std::to_string(chosen_threads(arguments));
  const std::string capped = threads_beyond_quota(arguments);
  if (!capped.empty()) return {count, capped};
  if (asked(arguments, "threads")) return {count, "as asked for"};
  const bool by_quota = quota_cpus() < topology.cores.size();
  return {count, by_quota ? "the CPU quota, rounded down" : "the cores this process may use"};
}

}  // namespace

Machine examine_machine(const Arguments& arguments) {
  Machine machine;
  machine.cpu = jit::describe_cpu();
  machine.topology = machine_topology();
  machine.online = CpuSet::parse(first_line("/sys/devices/system/cpu/online")).value_or(CpuSet());
  examine_l3(machine);
  machine.cpu_quota = cgroup_cpu_quota();
  machine.memory = examine_memory();
  for (const jit::Isa isa : jit::all_isas()) machine.isas.push_back(examine_isa(isa));
  machine.tiles_permitted = tiles_permitted();
  machine.least_signal_stack = ::getauxval(AT_MINSIGSTKSZ);
  machine.isa = choose_isa(arguments, machine.isas);
  machine.threads = choose_threads(arguments, machine.topology);
  machine.instances = instance_cpus(std::max<std::size_t>(1, machine.topology.nodes().size()));
  return machine;
}

}  // namespace bertq::engine::cli
