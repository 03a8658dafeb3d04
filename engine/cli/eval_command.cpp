#include "engine/cli/eval_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <system_error>
#include <vector>

#include "bertq/error.h"
#include "loaders/file_descriptor.h"
#include "loaders/printable.h"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace bertq::engine::cli {
namespace {

constexpr std::size_t longest_answer = 64 * 1024;

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorKind::input, "--eval-command: expected one number, got " + what);
}

std::vector<std::string> environment_with(const std::filesystem::path& recipe) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("BERTQ_RECIPE=")) variables.emplace_back(*entry);
  }
  variables.push_back("BERTQ_RECIPE=" + recipe.string());
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

pid_t start(const std::string& command, const std::filesystem::path& recipe, int output) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  std::vector<std::string> arguments = {"/bin/sh", "-c", command + " \"$1\"", "sh",
                                        recipe.string()};
  std::vector<std::string> variables = environment_with(recipe);
  pid_t child = 0;
  const int error = ::posix_spawn(&child, "/bin/sh", &actions, nullptr, pointers(arguments).data(),
                                  pointers(variables).data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) fail("no start of the command: " + std::generic_category().message(error));
  return child;
}

// Reads to the end, so that the command never waits for a reader, but keeps no more than is sane.
std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    const ::ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    if (text.size() <= longest_answer) text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

double number_in(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const std::size_t begin = std::min(text.find_first_not_of(blank), text.size());
  const std::string_view number =
      text.substr(begin, text.find_last_not_of(blank) + 1 - std::min(begin, text.size()));
  double value = 0.0;
  const char* const end = number.data() + number.size();
  const auto [stopped, error] = std::from_chars(number.data(), end, value);
  if (number.empty() || error != std::errc() || stopped != end) {
    fail(number.empty() ? "none" : fmt::format("\"{}\"", loaders::printable(number)));
  }
  return value;
}

}  // namespace

double run_eval_command(const std::string& command, const std::filesystem::path& recipe) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error(ErrorKind::resources, "a pipe: " + std::generic_category().message(errno));
  }
  const loaders::FileDescriptor reading(ends[0]);
  pid_t child = 0;
  {
    const loaders::FileDescriptor writing(ends[1]);
    child = start(command, recipe, writing.get());
  }
  const std::string answer = read_all(reading.get());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) fail(fmt::format("its end by signal {}", WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0) fail(fmt::format("exit code {}", WEXITSTATUS(status)));
  return number_in(answer);
}

}  // namespace bertq::engine::cli
