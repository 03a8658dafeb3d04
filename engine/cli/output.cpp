#include "engine/cli/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <system_error>

#include "bertq/error.h"
#include "engine/cli/failure.h"

namespace bertq::engine::cli {
namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;

// For the signal handler, which may neither allocate nor lock: a name that is complete whenever
// `has_unfinished` says so.
std::array<char, PATH_MAX> unfinished{};
std::atomic<bool> has_unfinished{false};

[[noreturn]] void fail(const std::string& name, int error) {
  if (error == EPIPE) throw ReaderGone();
  throw Error(ErrorKind::resources, name + ": " + std::generic_category().message(error));
}

// Devices, pipes and terminals are written to; replacing them by a file would be a surprise.
bool is_special(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

// So that the new name outlives a loss of power. Some file systems cannot: then theirs is the word.
void sync_folder_of(const std::string& file) {
  const auto folder = std::filesystem::path(file).parent_path();
  const int descriptor =
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  const bool synced = ::fsync(descriptor) == 0;
  const int error = errno;
  ::close(descriptor);
  if (!synced && error != EINVAL && error != EROFS) fail(file, error);
}

}  // namespace

Output::Output() : descriptor_(STDOUT_FILENO), name_("standard output") {}

Output::Output(const std::filesystem::path& path) : descriptor_(-1), name_(path.string()) {
  if (is_special(name_)) {
    descriptor_ = ::open(name_.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    std::error_code none;  // a link stays one: its target is replaced
    const auto target = std::filesystem::canonical(path, none);
    if (none == std::errc::too_many_symbolic_link_levels) fail(name_, none.value());
    final_ = none ? name_ : target.string();
    temporary_ = final_ + ".partial." + std::to_string(::getpid());
    if (temporary_.size() >= unfinished.size()) fail(name_, ENAMETOOLONG);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  }
  if (descriptor_ < 0) {
    temporary_.clear();
    fail(name_, errno);
  }
  if (!temporary_.empty()) {
    std::memcpy(unfinished.data(), temporary_.c_str(), temporary_.size() + 1);
    has_unfinished = true;
  }
}

Output::~Output() {
  if (descriptor_ >= 0 && descriptor_ != STDOUT_FILENO) ::close(descriptor_);
  if (!temporary_.empty()) remove_unfinished_output();
}

void Output::write(std::string_view text) {
  if (text.size() >= buffer_bytes) {
    flush();
    return write_out(text);
  }
  buffer_ += text;
  if (buffer_.size() >= buffer_bytes) flush();
}

void Output::flush() {
  write_out(buffer_);
  buffer_.clear();
}

void Output::write_out(std::string_view rest) {
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      buffer_.clear();
      fail(name_, error);
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

void Output::finish() {
  flush();
  if (descriptor_ == STDOUT_FILENO || descriptor_ < 0) return;
  // Some file systems report a full disk only here.
  const bool synced = temporary_.empty() || ::fsync(descriptor_) == 0;
  const int sync_error = errno;
  const bool closed = ::close(descriptor_) == 0;
  const int close_error = errno;
  descriptor_ = -1;
  if (!synced) fail(name_, sync_error);
  if (!closed) fail(name_, close_error);
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), final_.c_str()) != 0) fail(name_, errno);
  has_unfinished = false;
  temporary_.clear();
  sync_folder_of(final_);
}

void require_writable(const std::filesystem::path& file) {
  struct stat status {};
  const bool exists = ::stat(file.c_str(), &status) == 0;
  if (!exists && errno != ENOENT) fail(file.string(), errno);
  if (exists && S_ISDIR(status.st_mode)) fail(file.string(), EISDIR);
  const bool in_place = exists && !S_ISREG(status.st_mode);
  const auto folder = file.parent_path();
  const std::filesystem::path& changed = in_place ? file : folder.empty() ? "." : folder;
  if (::access(changed.c_str(), W_OK) != 0) fail(file.string(), errno);
}

void remove_unfinished_output() {
  if (has_unfinished.exchange(false)) ::unlink(unfinished.data());
}

}  // namespace bertq::engine::cli
