#include "engine/runtime/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "bertq/error.h"
#include "loaders/file_descriptor.h"

namespace bertq::engine {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  throw Error(ErrorKind::resources, path.string() + ": " + std::generic_category().message(error));
}

// What is no file cannot be replaced by one: /dev/full would be lost, not full.
bool is_device_or_pipe(const std::filesystem::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

void write_in_place(const std::filesystem::path& path, std::string_view content) {
  const loaders::FileDescriptor descriptor(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (descriptor.get() < 0) fail(path, errno);
  if (const int error = write_all(descriptor.get(), content); error != 0) fail(path, error);
}

}  // namespace

int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ::ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

void sync_folder_of(const std::filesystem::path& path) {
  const auto folder = path.parent_path();
  const loaders::FileDescriptor descriptor(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0) fail(path, errno);
  // Some file systems cannot: then theirs is the word.
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL && errno != EROFS) fail(path, errno);
}

void replace_file(const std::filesystem::path& name, std::string_view content) {
  if (is_device_or_pipe(name)) return write_in_place(name, content);
  std::error_code none;  // a link stays one: its target is replaced
  const auto target = std::filesystem::canonical(name, none);
  if (none == std::errc::too_many_symbolic_link_levels) fail(name, none.value());
  const std::filesystem::path& path = none ? name : target;
  const std::string partial = path.string() + ".partial";
  const loaders::FileDescriptor descriptor(
      ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (descriptor.get() < 0) fail(path, errno);
  int error = write_all(descriptor.get(), content);
  if (error == 0 && ::fsync(descriptor.get()) != 0) error = errno;
  if (error == 0 && ::rename(partial.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(partial.c_str());
    fail(path, error);
  }
  sync_folder_of(path);
}

}  // namespace bertq::engine
