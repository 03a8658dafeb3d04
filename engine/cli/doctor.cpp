// bertq doctor: what this machine offers, and what will be used and why.

#include <fmt/format.h>

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "engine/cli/isa_check.h"
#include "engine/cli/json_output.h"
#include "engine/cli/memory.h"
#include "engine/cli/setup.h"
#include "engine/cli/verbs.h"
#include "engine/runtime/cgroup.h"
#include "engine/runtime/topology.h"

namespace bertq::engine::cli {
namespace {

struct IsaState {
  jit::Isa isa;
  std::string lacking;  // empty: available
  std::string fault;    // empty: executed, and right
};

struct Diagnosis {
  std::vector<IsaState> isas;
  std::string used, used_because;  // `used` empty: none, and why
  std::size_t threads = 0, affinity = 0;
  std::optional<double> quota;
  std::string threads_because;
  std::optional<std::uint64_t> memory, available_memory, free_huge_pages, huge_page_bytes;
  std::string transparent_huge_pages;
};

// The word in brackets of "always [madvise] never".
std::string transparent_huge_pages() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string line;
  std::getline(file, line);
  const std::size_t open = line.find('['), close = line.find(']');
  return open < close && close != std::string::npos ? line.substr(open + 1, close - open - 1)
                                                    : "unknown";
}

std::string source_of(const Arguments& arguments, const char* flag, const char* otherwise) {
  const bool asked = arguments.given(flag) && arguments.text(flag) != "auto";
  return asked ? "as asked for" : otherwise;
}

Diagnosis diagnose(const Arguments& arguments) {
  Diagnosis found;
  for (const jit::Isa isa : jit::all_isas()) {
    std::string lacking = jit::why_unavailable(isa);
    std::string fault = lacking.empty() ? check_isa(isa) : "";
    found.isas.push_back({isa, std::move(lacking), std::move(fault)});
  }
  try {
    found.used = jit::isa_name(chosen_isa(arguments));
    found.used_because = source_of(arguments, "isa", "the best that is available");
  } catch (const jit::IsaUnavailable& error) {
    found.used_because = error.what();
  }
  found.threads = chosen_threads(arguments);
  found.affinity = machine_topology().allowed.size();
  found.quota = cgroup_cpu_quota();
  found.threads_because = source_of(arguments, "threads", "the cores this process may use");
  found.memory = proc_bytes("/proc/meminfo", "MemTotal");
  found.available_memory = proc_bytes("/proc/meminfo", "MemAvailable");
  found.free_huge_pages = proc_number("/proc/meminfo", "HugePages_Free");
  found.huge_page_bytes = proc_bytes("/proc/meminfo", "Hugepagesize");
  found.transparent_huge_pages = transparent_huge_pages();
  return found;
}

std::string isa_text(const IsaState& state) {
  if (!state.lacking.empty()) return fmt::format("no: {}", state.lacking);
  return state.fault.empty() ? "yes; executed, same bits as the reference"
                             : fmt::format("BROKEN: {}", state.fault);
}

std::string amount(const std::optional<std::uint64_t>& bytes, double unit, std::string_view name) {
  return bytes ? fmt::format("{:.1f} {}", static_cast<double>(*bytes) / unit, name) : "unknown";
}

std::string as_text(const Diagnosis& found) {
  constexpr double kibi = 1024.0, gibi = kibi * kibi * kibi;
  const jit::CpuDescription& cpu = jit::describe_cpu();
  std::string text;
  const auto line = [&](std::string_view label, const std::string& value) {
    text += fmt::format("{:<14}{}\n", label, value);
  };
  line("cpu", fmt::format("{}; per core {} KiB L1 data, {} KiB L2", cpu.name,
                          cpu.l1_data_bytes / 1024, cpu.l2_bytes / 1024));
  for (const IsaState& state : found.isas) {
    line(jit::isa_name(state.isa), isa_text(state));
  }
  line("will use", found.used.empty() ? fmt::format("nothing: {}", found.used_because)
                                      : fmt::format("{}, {}", found.used, found.used_because));
  line("threads",
       fmt::format("{}, {} (allowed {}, quota {})", found.threads, found.threads_because,
                   found.affinity, found.quota ? fmt::format("{:g} CPUs", *found.quota) : "none"));
  line("memory", fmt::format("{}, {} available", amount(found.memory, gibi, "GiB"),
                             amount(found.available_memory, gibi, "GiB")));
  line("huge pages", fmt::format("transparent: {}; reserved and free: {} of {}",
                                 found.transparent_huge_pages, found.free_huge_pages.value_or(0),
                                 amount(found.huge_page_bytes, kibi * kibi, "MiB")));
  return text;
}

Json as_json(const Diagnosis& found) {
  const jit::CpuDescription& cpu = jit::describe_cpu();
  Json isas = Json::array();
  for (const IsaState& state : found.isas) {
    Json row = {{"isa", jit::isa_name(state.isa)}, {"available", state.lacking.empty()}};
    if (!state.lacking.empty()) row["lacking"] = state.lacking;
    if (state.lacking.empty()) row["works"] = state.fault.empty();
    if (!state.fault.empty()) row["fault"] = state.fault;
    isas.push_back(row);
  }
  return {{"schema_version", 1},
          {"version", BERTQ_VERSION},
          {"cpu", cpu.name},
          {"l1_data_bytes", cpu.l1_data_bytes},
          {"l2_bytes", cpu.l2_bytes},
          {"isas", isas},
          {"isa", found.used.empty() ? Json(nullptr) : Json(found.used)},
          {"isa_because", found.used_because},
          {"threads", found.threads},
          {"threads_because", found.threads_because},
          {"allowed_cpus", found.affinity},
          {"cpu_quota", found.quota ? Json(*found.quota) : Json(nullptr)},
          {"memory_bytes", json_or_null(found.memory)},
          {"available_memory_bytes", json_or_null(found.available_memory)},
          {"transparent_huge_pages", found.transparent_huge_pages},
          {"free_huge_pages", json_or_null(found.free_huge_pages)},
          {"huge_page_bytes", json_or_null(found.huge_page_bytes)}};
}

}  // namespace

void doctor(const Arguments& arguments, Output& output, const Console&) {
  const Diagnosis found = diagnose(arguments);
  if (arguments.text("format") == "json") {
    write_json(output, as_json(found));
  } else {
    output.write(as_text(found));
  }
  output.finish();
  if (found.used.empty()) throw jit::IsaUnavailable(found.used_because);
  for (const IsaState& state : found.isas) {
    if (!state.fault.empty()) {
      throw Error(ErrorKind::internal,
                  fmt::format("{}: {}", jit::isa_name(state.isa), state.fault));
    }
  }
}

}  // namespace bertq::engine::cli
