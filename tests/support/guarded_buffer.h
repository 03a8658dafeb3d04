// Memory between two pages that nobody may touch: an operand that ends, or starts, exactly at one
// of them turns the first byte read or written outside it into a crash of the test.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace bertq::testing {

enum class Edge { end, start };

// A buffer that is reused for operands of any size up to `capacity` bytes. Where an operand ends at
// the guard page its start is aligned as its size allows: whole groups of 16 floats and whole tiles
// (jit/layout.h) stay aligned to 64 bytes.
class GuardedBuffer {
 public:
  explicit GuardedBuffer(std::size_t capacity) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    usable_ = (capacity + page - 1) / page * page;
    mapped_ = usable_ + 2 * page;
    void* base = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) throw std::runtime_error("GuardedBuffer: mmap failed");
    base_ = static_cast<std::byte*>(base);
    first_ = base_ + page;
    if (mprotect(first_, usable_, PROT_READ | PROT_WRITE) != 0)
      throw std::runtime_error("GuardedBuffer: mprotect failed");
  }
  ~GuardedBuffer() { munmap(base_, mapped_); }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;

  // `count` elements that end at the upper guard page, or start at the lower one.
  template <typename T>
  T* place(std::size_t count, Edge edge) {
    const std::size_t bytes = count * sizeof(T);
    if (bytes > usable_) throw std::logic_error("GuardedBuffer: larger than its capacity");
    return reinterpret_cast<T*>(edge == Edge::end ? first_ + usable_ - bytes : first_);
  }
  // The same, with each byte set to `fill`: 0xFF makes floats NaN.
  template <typename T>
  T* place(std::size_t count, Edge edge, int fill) {
    T* operand = place<T>(count, edge);
    if (count > 0) std::memset(static_cast<void*>(operand), fill, count * sizeof(T));
    return operand;
  }

 private:
  std::byte* base_ = nullptr;
  std::byte* first_ = nullptr;
  std::size_t usable_ = 0;
  std::size_t mapped_ = 0;
};

}  // namespace bertq::testing
