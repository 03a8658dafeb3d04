// A user's own evaluation: a command that is given a recipe and prints a number.
#pragma once

#include <filesystem>
#include <string>

namespace bertq::engine::cli {

// Runs `command` by /bin/sh with the recipe's path as its last argument, also in the environment as
// BERTQ_RECIPE, and reads one number from its standard output; its standard error is the user's.
// Throws Error (input) for a command that fails, prints something else or cannot be started.
double run_eval_command(const std::string& command, const std::filesystem::path& recipe);

}  // namespace bertq::engine::cli
