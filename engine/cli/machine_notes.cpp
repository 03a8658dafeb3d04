#include "engine/cli/machine_notes.h"

#include <fmt/format.h>

#include "engine/runtime/cpu_count.h"
#include "jit/isa.h"

namespace bertq::engine::cli {

std::vector<std::string> faulting_paths() {
  std::vector<std::string> paths;
  for (const jit::Isa isa : jit::all_isas()) {
    if (!jit::why_not_promised(isa).empty()) continue;
    const std::string why = jit::why_unavailable(isa);
    if (!why.empty()) paths.push_back(fmt::format("{}: {}", jit::isa_name(isa), why));
  }
  return paths;
}

std::string threads_beyond_quota(const Arguments& arguments) {
  const std::uint64_t asked = arguments.number("threads");
  const std::size_t quota = quota_cpus();
  if (!arguments.given("threads") || asked <= quota) return "";
  return fmt::format("{} asked for, {} used: the control group gives no more CPU time", asked,
                     quota);
}

void note_machine(const Arguments& arguments, const Console& console) {
  for (const std::string& path : faulting_paths()) {
    write_to_stderr(fmt::format("bertq: warning: {}; it is not used\n", path));
  }
  const std::string threads = threads_beyond_quota(arguments);
  if (!threads.empty()) console.note("threads", threads);
}

}  // namespace bertq::engine::cli
