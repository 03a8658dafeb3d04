// The flags of all verbs: one table, from which parsing, checking and --help come.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bertq::engine::cli {

// One bit a verb, so that a row of the table can name the verbs it belongs to.
enum VerbBit : unsigned {
  verb_run = 1,
  verb_predict = 2,
  verb_embed = 4,
  verb_tokenize = 8,
  verb_inspect = 16,
  verb_doctor = 32,
  verb_bench = 64,
  verb_quantize = 128,
  verb_answer = 256,
  verb_tune = 512,
  verb_why = 1024,
  verb_completion = 2048,
  verb_help = 4096,
};

enum class Takes : std::uint8_t {
  nothing,  // present or not
  boolean,  // as `nothing`, or "=true", "=false"
  text,     // anything but the empty string
  path,     // likewise; names something that is read
  paths,    // likewise, two of them: "--diff A B"
  choice,   // one of `choices`
  choices,  // one or more of them, comma-separated, none twice
  number,   // a whole number in [lowest, highest]
  isa,      // a name that jit knows, or "auto"
  task,     // as `text`; the verb knows the tasks
  verb,     // the name of one
};

struct Option {
  std::string_view name;
  char letter;  // '\0': none
  Takes takes;
  std::string_view argument;     // as --help shows it; of a choice: the values, "fp32|int8|auto"
  std::string_view fallback;     // the default as text; empty: none
  std::string_view environment;  // the variable that replaces the default; empty: none
  std::string_view help;
  unsigned verbs;
  std::uint64_t lowest = 0, highest = 0;
  bool positional = false;  // may stand without its name: "bertq completion bash"
};

// The whole table. A flag may have several rows, each for other verbs.
std::span<const Option> all_options();
// The rows of one verb, in the table's order.
std::vector<const Option*> options_of(unsigned verb);

// What --help shows for the argument: of Takes::isa, the names that jit knows.
std::string argument_of(const Option& option);

// The values that a shell can offer: of a choice, the tasks, the verbs; else none.
std::vector<std::string> candidates_of(const Option& option);
// Whether the value is the name of a file or of a folder.
enum class Names : std::uint8_t { nothing, file, folder };
Names names_what(const Option& option);

// The help of an option with its default and its environment variable; and its gist, on one line.
std::string full_help(const Option& option);
std::string brief(std::string_view help);

// "  left    right", the right part wrapped and indented.
std::string help_line(std::string_view left, std::string_view right);
// The flags of one verb, a line each, for --help.
std::string options_help(unsigned verb);

}  // namespace bertq::engine::cli
