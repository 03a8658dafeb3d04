#include "engine/cli/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace bertq::engine::cli {
namespace {

bool environment_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool terminal() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

}  // namespace

Console::Console(LogLevel level)
    : level_(level),
      progress_(level >= LogLevel::info && terminal()),
      coloured_(progress_ && !environment_set("NO_COLOR")) {}

void Console::note(std::string_view label, std::string_view text) const {
  if (level_ >= LogLevel::info) write_to_stderr(fmt::format("{:<8}{}\n", label, text));
}

void write_to_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace bertq::engine::cli
