// bertq doctor on machines that are not in order.

#include <doctest/doctest.h>
#include <signal.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "cli/process.h"
#include "engine/cli/isa_check.h"
#include "engine/cli/machine.h"
#include "engine/cli/machine_notes.h"
#include "engine/cli/options.h"
#include "engine/cli/verbs.h"
#include "engine/runtime/cpu_count.h"
#include "jit/isa_testing.h"
#include "support/skipped.h"

namespace bertq::testing {
using namespace engine;
namespace {

using nlohmann::json;

cli::Arguments doctor_flags(std::vector<const char*> flags) {
  flags.insert(flags.begin(), "doctor");
  return cli::Arguments::parse(cli::verb_doctor, static_cast<int>(flags.size()), flags.data());
}

std::string doctor_says(const Folder& folder, std::vector<const char*> flags) {
  cli::Output output(folder / "report");
  cli::doctor(doctor_flags(std::move(flags)), output, cli::Console(cli::LogLevel::error));
  return read_file(folder / "report");
}

TEST_CASE("whatever a child does, its parent is told") {
  using std::chrono::seconds;
  CHECK(cli::in_child([] {}) == "");
  CHECK(cli::in_child([] { throw std::runtime_error("seven is not nine"); }) ==
        "seven is not nine");
  CHECK(cli::in_child([] { __builtin_trap(); }) == "ended by SIGILL");
  CHECK(cli::in_child([] { ::raise(SIGSEGV); }) == "ended by SIGSEGV");
  CHECK(cli::in_child([] { ::raise(SIGKILL); }) == "ended by SIGKILL");
  CHECK(cli::in_child(
            [] {
              for (volatile bool go_on = true; go_on;) {
              }
            },
            seconds(1)) == "did not end within 1 s");
  // More than a pipe holds does not make both wait for each other.
  CHECK(cli::in_child([] { throw std::runtime_error(std::string(3000, 'x')); }).size() == 3000);
}

TEST_CASE("a path that faults is left out, and doctor says so") {
  if (!jit::available(jit::Isa::avx_vnni) && !jit::available(jit::Isa::avx512)) {
    return print_skipped("falling back from a path", "there is none but avx2");
  }
  const Folder folder;
  const jit::Isa best = jit::select_isa("");
  const std::string name(jit::isa_name(best));
  jit::assume_faulting_for_tests(best, true);
  const std::string next(jit::isa_name(jit::select_isa("")));
  const std::string text = doctor_says(folder, {});
  const json report = json::parse(doctor_says(folder, {"--format", "json"}));
  const auto notes = cli::faulting_paths();
  CHECK_THROWS_AS(doctor_says(folder, {"--isa", name.c_str()}), jit::IsaUnavailable);
  jit::assume_faulting_for_tests(best, false);

  const std::string why =
      "its instructions end in SIGILL, although the CPU and the kernel promise them";
  CAPTURE(text);
  CHECK(text.find("FAULTS: " + why) != std::string::npos);
  CHECK(text.find("will use      " + next + ", the best that is available; " + name + " faults") !=
        std::string::npos);
  CHECK(report["isa"] == next);
  CHECK(report["isa_because"] == "the best that is available; " + name + " faults");
  for (const json& row : report["isas"]) {
    if (row["isa"] != name) continue;
    CHECK(row["available"] == false);
    CHECK(row["faults"] == true);
    CHECK(row["lacking"] == why);
  }
  REQUIRE(notes.size() == 1);
  CHECK(notes[0] == name + ": " + why);
  CHECK(cli::faulting_paths().empty());
}

TEST_CASE("doctor shows the machine, and the parts agree with each other") {
  const Folder folder;
  const json report = json::parse(doctor_says(folder, {"--format", "json"}));
  const Topology& topology = machine_topology();
  CHECK(report["cpus"] == topology.allowed.text());
  CHECK(report["cores"] == topology.cores.size());
  CHECK(report["packages"] == topology.packages());
  CHECK(report["numa_nodes"].size() == topology.nodes().size());
  CHECK(report["instances"].size() == topology.nodes().size());
  CHECK(report["threads"] == usable_cpus());
  CHECK(report["cores"].get<std::size_t>() * report["cpus_per_core"].get<std::size_t>() >=
        report["allowed_cpus"].get<std::size_t>());
  if (!report["memory_limit_bytes"].is_null()) CHECK(report["memory_limit_bytes"] > 0);
  CHECK(report["least_signal_stack_bytes"] >= 1024);
  if (jit::available(jit::Isa::amx)) CHECK(report["amx_tiles_permitted"] == true);
  const std::string text = doctor_says(folder, {});
  for (const char* label :
       {"cpu ", "caches ", "cores ", "allowed ", "memory ", "huge pages ", "AMX tiles ",
        "signal stack ", "will use ", "threads ", "instances ", "pinning "}) {
    CAPTURE(label);
    CHECK(("\n" + text).find(std::string("\n") + label) != std::string::npos);
  }
}

TEST_CASE("affinity is respected") {
  if (shell("taskset --version").status != 0) {
    return print_skipped("affinity", "taskset (package util-linux) is not installed");
  }
  const std::string first = std::to_string(*machine_topology().allowed.begin());
  const json report = json::parse(shell("taskset -c " + first + " bertq doctor --format json").out);
  CHECK(report["cpus"] == first);
  CHECK(report["allowed_cpus"] == 1);
  CHECK(report["threads"] == 1);
}

TEST_CASE("more threads than the quota are not used") {
  if (quota_cpus() == no_quota) {
    print_skipped("threads beyond the CPU quota", "this process has none");
    CHECK(cli::threads_beyond_quota(doctor_flags({"--threads", "1000"})).empty());
    return;
  }
  const std::string asked = std::to_string(std::min<std::size_t>(1000, quota_cpus() + 1));
  CHECK(cli::examine_machine(doctor_flags({"--threads", asked.c_str()})).threads.what ==
        std::to_string(quota_cpus()));
  CHECK(shell("BERTQ_LOG=info bertq doctor --threads " + asked).err.find(asked + " asked for") !=
        std::string::npos);
}

}  // namespace
}  // namespace bertq::testing
