#include "jit/code_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <system_error>

#include "jit/kernels.h"
#include "jit/layout.h"

namespace bertq::jit {
namespace {

// Constants are read as whole vectors, so every function begins at a cache line.
constexpr std::size_t alignment = 64;

// All code of the process by name, and the file that tells `perf` of it. The format is that of the
// kernel's tools/perf/Documentation/jit-interface.txt: "start size name" in hexadecimal.
class PerfMap {
 public:
  void add(const void* start, std::size_t size, const std::string& name) {
    const std::lock_guard lock(mutex_);
    entries_.push_back({start, size, name});
    if (file_ != nullptr) write(entries_.back());
  }
  void enable() {
    const std::lock_guard lock(mutex_);
    if (file_ != nullptr) return;
    file_ = std::fopen(("/tmp/perf-" + std::to_string(getpid()) + ".map").c_str(), "w");
    if (file_ == nullptr) throw std::system_error(errno, std::generic_category(), "perf map");
    for (const Entry& entry : entries_) write(entry);
  }

 private:
  struct Entry {
    const void* start;
    std::size_t size;
    std::string name;
  };
  void write(const Entry& entry) {
    std::fprintf(file_, "%zx %zx bertq.%s\n", reinterpret_cast<std::uintptr_t>(entry.start),
                 entry.size, entry.name.c_str());
    std::fflush(file_);
  }

  std::mutex mutex_;
  std::vector<Entry> entries_;
  std::FILE* file_ = nullptr;
};

PerfMap& perf_map() {
  static auto& map = *new PerfMap;  // never destroyed: kernels outlive main
  return map;
}

}  // namespace

CodeMemory::CodeMemory(std::span<const CodeBlock> blocks) {
  for (const CodeBlock& block : blocks) {
    offsets_.push_back(size_);
    size_ = round_up(size_ + block.bytes.size(), alignment);
  }
  size_ = round_up(std::max<std::size_t>(size_, 1), static_cast<std::size_t>(getpagesize()));
  void* pages = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "code memory");
  pages_ = static_cast<std::uint8_t*>(pages);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    std::copy(blocks[i].bytes.begin(), blocks[i].bytes.end(), pages_ + offsets_[i]);
  }
  if (mprotect(pages_, size_, PROT_READ | PROT_EXEC) != 0) {
    const int error = errno;
    munmap(pages_, size_);
    throw std::system_error(error, std::generic_category(), "making code executable");
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    perf_map().add(entry(i), blocks[i].bytes.size(), blocks[i].name);
  }
}

CodeMemory::~CodeMemory() {
  munmap(pages_, size_);
}

void enable_perf_map() {
  perf_map().enable();
}

}  // namespace bertq::jit
