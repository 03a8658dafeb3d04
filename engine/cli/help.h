// What --help says, from the tables of verbs and options; and the two tables that only people read.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/cli/verbs.h"

namespace bertq::engine::cli {

struct Meaning {
  std::string_view name, text;
};
std::span<const Meaning> environment_variables();
std::span<const Meaning> exit_codes();

// What the program is, in half a sentence.
extern const std::string_view program_summary;

std::string program_help();
std::string help_of(const Verb& verb);

}  // namespace bertq::engine::cli
