#include "support/allocation_peak.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> live = 0;
std::atomic<std::size_t> peak = 0;

void raise_peak(std::size_t now) {
  std::size_t known = peak;
  while (now > known && !peak.compare_exchange_weak(known, now)) {
  }
}

void* allocate(std::size_t size) {
  void* const memory = std::malloc(std::max<std::size_t>(size, 1));
  if (memory == nullptr) throw std::bad_alloc();
  const std::size_t usable = ::malloc_usable_size(memory);
  raise_peak(live.fetch_add(usable) + usable);
  return memory;
}

void release(void* memory) {
  if (memory != nullptr) live -= ::malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  release(memory);
}
void operator delete[](void* memory) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  release(memory);
}

namespace bertq::testing {

AllocationPeak::AllocationPeak() : before_(live) {
  peak = live.load();
}

std::size_t AllocationPeak::bytes() const {
  return peak - before_;
}

}  // namespace bertq::testing
