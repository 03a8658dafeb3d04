#include "loaders/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace bertq::loaders {
namespace {

[[noreturn]] void throw_system_error(int code, const std::string& what) {
  throw std::system_error(code, std::generic_category(), what);
}

// Exhaustion is the machine's trouble; whatever else keeps a file from being opened is the file's.
bool is_exhaustion(int code) {
  return code == EMFILE || code == ENFILE || code == ENOMEM;
}

[[noreturn]] void throw_open_error(int code, const std::string& name) {
  if (is_exhaustion(code)) throw_system_error(code, name + ": cannot be opened");
  throw FormatError(name + ": expected a readable file, got: " + std::strerror(code));
}

// O_NONBLOCK: opening a named pipe without a writer would wait for one.
FileDescriptor open_or_throw(const std::filesystem::path& path, const std::string& name) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) throw_open_error(errno, name);
  return FileDescriptor(descriptor);
}

std::string_view kind_of_file(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a named pipe";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "something else";
}

// Read, never mapped: a file that shrinks while it is read is an error here, not a signal.
class File final : public ByteSource {
 public:
  File(FileDescriptor descriptor, std::string name)
      : name_(std::move(name)), descriptor_(std::move(descriptor)), size_(regular_size()) {}

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return size_; }

  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    constexpr std::size_t most_at_once = std::size_t{1} << 30U;
    while (!out.empty()) {
      // Beyond the end as it was at opening nothing is asked of the system.
      const ::ssize_t got =
          offset < size_ ? ::pread(descriptor_.get(), out.data(),
                                   std::min(out.size(), most_at_once), static_cast<::off_t>(offset))
                         : 0;
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_system_error(errno, name_ + ": cannot be read");
      if (got == 0) {
        throw FormatError(name_ + ": byte " + std::to_string(offset) + ": expected " +
                          std::to_string(out.size()) + " more bytes, the file ends");
      }
      out = out.subspan(static_cast<std::size_t>(got));
      offset += static_cast<std::uint64_t>(got);
    }
  }

 private:
  std::uint64_t regular_size() const {
    struct ::stat status {};
    if (::fstat(descriptor_.get(), &status) != 0) throw_system_error(errno, name_ + ": no status");
    if (!S_ISREG(status.st_mode)) {
      throw FormatError(name_ + ": expected a file, got " +
                        std::string(kind_of_file(status.st_mode)));
    }
    return static_cast<std::uint64_t>(status.st_size);
  }

  std::string name_;
  FileDescriptor descriptor_;
  std::uint64_t size_;
};

class Memory final : public ByteSource {
 public:
  Memory(std::span<const std::byte> bytes, std::string name)
      : bytes_(bytes), name_(std::move(name)) {}

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return bytes_.size(); }

  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    const std::uint64_t left = offset < bytes_.size() ? bytes_.size() - offset : 0;
    if (out.size() > left) {
      throw FormatError(name_ + ": byte " + std::to_string(bytes_.size()) + ": expected " +
                        std::to_string(out.size() - left) + " more bytes, the data end");
    }
    if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }

 private:
  std::span<const std::byte> bytes_;
  std::string name_;
};

}  // namespace

std::unique_ptr<ByteSource> open_file(const std::filesystem::path& path) {
  std::string name = path.string();
  FileDescriptor descriptor = open_or_throw(path, name);
  return open_descriptor(std::move(descriptor), std::move(name));
}

std::unique_ptr<ByteSource> open_descriptor(FileDescriptor descriptor, std::string name) {
  return std::make_unique<File>(std::move(descriptor), std::move(name));
}

std::unique_ptr<ByteSource> open_memory(std::span<const std::byte> bytes, std::string name) {
  return std::make_unique<Memory>(bytes, std::move(name));
}

std::string read_text(const ByteSource& source, std::uint64_t limit) {
  if (source.size() > limit) {
    throw FormatError(source.name() + ": expected at most " + std::to_string(limit) +
                      " bytes, got " + std::to_string(source.size()));
  }
  std::string text(static_cast<std::size_t>(source.size()), '\0');
  source.read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace bertq::loaders
