#include "loaders/temporary_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace bertq::loaders {
namespace {

std::string temporary_folder() {
  const char* folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

[[noreturn]] void throw_system_error(const std::string& name, const std::string& folder) {
  throw std::system_error(errno, std::generic_category(),
                          name + ": cannot be unpacked into a temporary file in " + folder);
}

// Some file systems cannot make a file without a name: there it loses its name at once.
int open_unnamed(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) {
    return descriptor;
  }
  std::string path = folder + "/bertq_XXXXXX";
  const int named = ::mkostemp(path.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(path.c_str());
  return named;
}

}  // namespace

TemporaryFile::TemporaryFile(std::string name)
    : name_(std::move(name)), folder_(temporary_folder()), descriptor_(open_unnamed(folder_)) {
  if (descriptor_.get() < 0) throw_system_error(name_, folder_);
}

void TemporaryFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ::ssize_t written =
        ::pwrite(descriptor_.get(), bytes.data(), bytes.size(), static_cast<::off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_system_error(name_, folder_);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    size_ += static_cast<std::uint64_t>(written);
  }
}

std::unique_ptr<ByteSource> TemporaryFile::source() && {
  return open_descriptor(std::move(descriptor_), std::move(name_));
}

}  // namespace bertq::loaders
