#include "cli/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace bertq::testing {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> environment() {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (text.starts_with("BERTQ_")) continue;
    if (text.starts_with("PATH=")) {
      kept.push_back("PATH=" + fs::path(BERTQ_TEST_BINARY).parent_path().string() + ":" +
                     std::string(text.substr(5)));
    } else {
      kept.emplace_back(text);
    }
  }
  return kept;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (std::string& text : strings) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace

// Through files, not pipes, so that neither side ever waits for the other.
Finished shell(const std::string& command, std::string_view input) {
  const Folder folder;
  const std::string in = folder.write("in", input), out = folder / "out", err = folder / "err";
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  constexpr int write_new = O_WRONLY | O_CREAT | O_TRUNC;
  ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, in.c_str(), O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out.c_str(), write_new, 0600);
  ::posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err.c_str(), write_new, 0600);
  std::vector<std::string> arguments = {"/bin/sh", "-c", command};
  auto variables = environment();
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, "/bin/sh", &files, nullptr, pointers(arguments).data(),
                                   pointers(variables).data());
  ::posix_spawn_file_actions_destroy(&files);
  if (failed != 0) throw std::runtime_error(std::strerror(failed));
  int status = 0;
  ::waitpid(child, &status, 0);
  return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), read_file(out),
          read_file(err)};
}

Folder::Folder() {
  static std::atomic<int> count{0};
  path_ = fs::temp_directory_path() /
          ("bertq_test_" + std::to_string(::getpid()) + "_" + std::to_string(count++));
  fs::create_directories(path_);
}

Folder::~Folder() {
  std::error_code none;
  fs::remove_all(path_, none);
}

std::string Folder::write(std::string_view name, std::string_view content) const {
  std::ofstream file(path_ / name, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  return (path_ / name).string();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string copy_sample(const Folder& folder, std::string_view name) {
  const fs::path copy = folder / name;
  fs::create_directories(copy);
  for (const char* file : {"config.json", "model.safetensors", "vocab.txt"}) {
    fs::copy_file(fs::path(BERTQ_TEST_SAMPLE) / file, copy / file,
                  fs::copy_options::overwrite_existing);
  }
  return copy.string();
}

}  // namespace bertq::testing
