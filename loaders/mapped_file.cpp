#include "loaders/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace bertq::loaders {
namespace {

// For a signal handler: which addresses are mapped. One slot for each file mapped at the moment;
// `begin` is set last and cleared first.
struct Slot {
  std::atomic<const std::byte*> begin{nullptr};
  std::atomic<std::size_t> bytes{0};
  std::atomic<const char*> name{nullptr};
  std::atomic<bool> taken{false};
};
std::array<Slot, 64> slots;

class Mapping {
 public:
  Mapping(int descriptor, std::size_t bytes, std::string name)
      : name_(std::move(name)), bytes_(bytes) {
    void* const address = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (address == MAP_FAILED) {
      throw std::system_error(errno, std::generic_category(), name_ + ": cannot be mapped");
    }
    begin_ = static_cast<const std::byte*>(address);
    // Advice only: the whole file will be used, from the beginning on.
    static_cast<void>(::madvise(address, bytes, MADV_WILLNEED));
    enter();
  }
  ~Mapping() {
    if (slot_ != nullptr) {
      slot_->begin = nullptr;
      slot_->taken = false;
    }
    ::munmap(const_cast<std::byte*>(begin_), bytes_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::span<const std::byte> bytes() const { return {begin_, bytes_}; }

 private:
  // More files than slots are mapped all the same; only their name would be missing.
  void enter() {
    for (Slot& slot : slots) {
      if (slot.taken.exchange(true)) continue;
      slot.bytes = bytes_;
      slot.name = name_.c_str();
      slot.begin = begin_;
      slot_ = &slot;
      return;
    }
  }

  std::string name_;
  std::size_t bytes_;
  const std::byte* begin_ = nullptr;
  Slot* slot_ = nullptr;
};

class MappedFile final : public ByteSource {
 public:
  MappedFile(std::unique_ptr<ByteSource> file, std::shared_ptr<const Mapping> mapping)
      : file_(std::move(file)), mapping_(std::move(mapping)) {}

  const std::string& name() const override { return file_->name(); }
  std::uint64_t size() const override { return file_->size(); }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    file_->read(offset, out);
  }
  ResidentBytes resident() const override { return {mapping_->bytes(), mapping_}; }

 private:
  std::unique_ptr<ByteSource> file_;
  std::shared_ptr<const Mapping> mapping_;
};

}  // namespace

std::unique_ptr<ByteSource> open_mapped_file(const std::filesystem::path& path) {
  auto file = open_file(path);  // refuses what is no regular file, and by name
  if (file->size() == 0) return file;
  const FileDescriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct ::stat status {};
  if (descriptor.get() < 0 || ::fstat(descriptor.get(), &status) != 0) {
    throw std::system_error(errno, std::generic_category(), file->name() + ": cannot be mapped");
  }
  if (static_cast<std::uint64_t>(status.st_size) != file->size()) {
    throw FormatError(file->name() + ": expected " + std::to_string(file->size()) + " bytes, got " +
                      std::to_string(status.st_size) + ": it has just changed");
  }
  auto mapping = std::make_shared<const Mapping>(
      descriptor.get(), static_cast<std::size_t>(file->size()), file->name());
  return std::make_unique<MappedFile>(std::move(file), std::move(mapping));
}

const char* mapped_file_at(const void* address) {
  const auto* const at = static_cast<const std::byte*>(address);
  for (const Slot& slot : slots) {
    const std::byte* const begin = slot.begin;
    if (begin != nullptr && at >= begin && at < begin + slot.bytes) return slot.name;
  }
  return nullptr;
}

}  // namespace bertq::loaders
