// What a user should know of this machine before a verb runs on it.
#pragma once

#include <string>
#include <vector>

#include "engine/cli/arguments.h"
#include "engine/cli/console.h"

namespace bertq::engine::cli {

// "amx: its instructions end in SIGILL, ...": the paths that CPUID promises, and that are left out
// because they fault when tried.
std::vector<std::string> faulting_paths();

// Empty, or that --threads asks for more than the CPU quota, and what is used instead.
std::string threads_beyond_quota(const Arguments& arguments);

// Says both on standard error, the first whatever BERTQ_LOG says: a CPU that does not keep its
// promises is no detail. For a verb that has --isa and --threads.
void note_machine(const Arguments& arguments, const Console& console);

}  // namespace bertq::engine::cli
