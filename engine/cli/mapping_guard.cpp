#include "engine/cli/mapping_guard.h"

#include <signal.h>
#include <unistd.h>

#include <cstring>

#include "bertq/error.h"
#include "engine/cli/output.h"
#include "loaders/mapped_file.h"

namespace bertq::engine::cli {
namespace {

void say(const char* text) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
}

// Only what POSIX allows in a signal handler.
void end_on_lost_page(int signal, siginfo_t* info, void*) {
  const char* const file = loaders::mapped_file_at(info->si_addr);
  if (file == nullptr) {
    ::signal(signal, SIG_DFL);  // the instruction is tried again, and fails as it would have
    return;
  }
  remove_unfinished_output();
  say("bertq: input: ");
  say(file);
  say(": expected it to stay as it was while it is mapped (--mmap), it was cut shorter\n");
  ::_exit(static_cast<int>(ErrorKind::input));
}

}  // namespace

void guard_mapped_files() {
  struct sigaction action {};
  action.sa_sigaction = end_on_lost_page;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace bertq::engine::cli
