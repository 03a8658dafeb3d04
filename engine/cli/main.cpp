// The program: finds the verb, runs it, and turns what happened into an exit code.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include "bertq/error.h"
#include "bertq/version.h"
#include "engine/cli/failure.h"
#include "engine/cli/help.h"
#include "engine/cli/machine_notes.h"
#include "engine/cli/options.h"
#include "engine/cli/suggestion.h"
#include "engine/cli/verbs.h"
#include "jit/kernels.h"

namespace bertq::engine::cli {
namespace {

bool on_terminal = false;  // then a progress bar may stand in the line

// Only what POSIX allows in a signal handler.
void end_on_signal(int signal) {
  remove_unfinished_output();
  const std::string_view message = on_terminal ? "\nbertq: interrupted\n" : "bertq: interrupted\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, message.data(), message.size());
  ::_exit(128 + signal);
}

// A file opened later must not get the number of a standard stream that the caller closed: notes
// would go into results. What is opened here instead can neither be read from nor written to.
void occupy_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;
    [[maybe_unused]] const int taken =
        ::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

void install_signals() {
  on_terminal = ::isatty(STDERR_FILENO) == 1;
  ::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of write()
  ::signal(SIGXFSZ, SIG_IGN);  // and so is a file that has become as long as it may be
  struct sigaction action {};
  action.sa_handler = end_on_signal;
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction old {};
    ::sigaction(signal, nullptr, &old);
    // A shell has background jobs ignore Ctrl-C; so they should.
    if (old.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
  }
}

// Notes are for people: without BERTQ_LOG, a script sees nothing but an error.
LogLevel log_level(bool quiet) {
  const char* const set = std::getenv("BERTQ_LOG");
  const std::string_view name = set == nullptr ? "" : set;
  if (name != "" && name != "error" && name != "info" && name != "debug") {
    throw Error(ErrorKind::usage,
                "BERTQ_LOG: expected one of error|info|debug, got '" + std::string(name) + "'");
  }
  if (name == "debug") return LogLevel::debug;
  if (quiet || name == "error") return LogLevel::error;
  return name == "info" || on_terminal ? LogLevel::info : LogLevel::error;
}

void print(std::string_view text) {
  Output output;
  output.write(text);
  output.finish();
}

void run_verb(const Verb& verb, int argc, const char* const* argv) {
  const Arguments arguments = Arguments::parse(verb.bit, argc, argv);
  if (arguments.flag("help")) return print(help_of(verb));
  if (arguments.flag("version")) return print(version_text());
  const Console console(log_level(arguments.flag("quiet")));
  if (console.level() == LogLevel::debug) jit::enable_perf_map();
  const std::string& file = arguments.text("output");
  const auto output =
      file.empty() || file == "-" ? std::make_unique<Output>() : std::make_unique<Output>(file);
  const auto rows = options_of(verb.bit);
  const bool computes = std::any_of(rows.begin(), rows.end(),
                                    [](const Option* row) { return row->takes == Takes::isa; });
  if (computes) note_machine(arguments, console);
  verb.function(arguments, *output, console);
  output->finish();
}

void run_program(int argc, const char* const* argv) {
  if (argc < 2) throw Error(ErrorKind::usage, "no verb given (bertq --help lists them)");
  const std::string_view first = argv[1];
  if (first == "--help" || first == "-h") return print(program_help());
  if (first == "--version") return print(version_text());
  if (first.starts_with('-')) {
    const std::array<std::string, 2> known{"--help", "--version"};
    throw Error(ErrorKind::usage, "unknown flag '" + std::string(first) + "'" +
                                      suggestion(first, known) + " (bertq --help lists the verbs)");
  }
  run_verb(find_verb(first), argc - 1, argv + 1);
}

int main(int argc, const char* const* argv) {
  occupy_standard_streams();
  install_signals();
  try {
    run_program(argc, argv);
    return 0;
  } catch (const ReaderGone&) {
    return 0;
  } catch (const std::exception& error) {
    const Failure failure = describe(error);
    write_to_stderr(failure_line(failure));
    return static_cast<int>(failure.kind);
  }
}

}  // namespace
}  // namespace bertq::engine::cli

int main(int argc, char** argv) {
  return bertq::engine::cli::main(argc, argv);
}
