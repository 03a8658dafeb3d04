#include "engine/cli/help.h"

#include <fmt/format.h>

#include "engine/cli/options.h"

namespace bertq::engine::cli {
namespace {

constexpr Meaning variables[] = {
    {"BERTQ_ISA", "the code path, as --isa"},
    {"BERTQ_THREADS", "worker threads, as --threads"},
    {"BERTQ_LOG",
     "error: only errors; info: notes as well (default on a terminal); debug: also names of "
     "generated code in /tmp/perf-PID.map, for perf"},
    {"NO_COLOR", "if set to anything, no colours, even on a terminal"},
    {"HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, TRANSFORMERS_CACHE",
     "where the Hugging Face cache is"},
};

constexpr Meaning codes[] = {
    {"0", "done, or the reader of the results closed the pipe"},
    {"1", "internal error"},
    {"2", "usage"},
    {"3", "input that cannot be used"},
    {"4", "accuracy goal missed"},
    {"5", "instruction set not available"},
    {"6", "benchmark regression"},
    {"7", "resources or output: memory, a full disk"},
    {"130", "interrupted"},
};

std::string listed(std::span<const Meaning> rows) {
  std::string text;
  for (const Meaning& row : rows) text += help_line(fmt::format("  {}", row.name), row.text);
  return text;
}

}  // namespace

const std::string_view program_summary =
    "BERT inference on this machine's CPU, from a published checkpoint to an answer";

std::span<const Meaning> environment_variables() {
  return variables;
}

std::span<const Meaning> exit_codes() {
  return codes;
}

std::string program_help() {
  std::string help =
      fmt::format("bertq: {}\n\nusage: bertq VERB [flags]\n\nverbs:\n", program_summary);
  for (const Verb& verb : all_verbs()) help += fmt::format("  {:<12}{}\n", verb.name, verb.summary);
  return help +
         "\n'bertq VERB --help' shows the flags of a verb, with examples. 'bertq --version' shows "
         "the version.\n\nenvironment:\n" +
         listed(variables) + "\nexit codes:\n" + listed(codes);
}

std::string help_of(const Verb& verb) {
  std::string help =
      fmt::format("bertq {}: {}\n\nusage: bertq {} {}{}[flags]\n\nflags:\n", verb.name,
                  verb.summary, verb.name, verb.usage, verb.usage.empty() ? "" : " ");
  help += options_help(verb.bit);
  help += "\nexamples:\n";
  for (const std::string_view example : verb.examples) help += fmt::format("  {}\n", example);
  return help;
}

}  // namespace bertq::engine::cli
