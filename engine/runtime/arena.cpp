#include "engine/runtime/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "bertq/error.h"

namespace bertq::engine {
namespace {

constexpr std::size_t alignment = 64;
constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr std::size_t chunk_bytes = std::size_t{32} << 20;

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

[[noreturn]] void throw_out_of_memory(std::size_t count, std::size_t size) {
  throw Error(ErrorKind::resources, "out of memory: " + std::to_string(count) + " elements of " +
                                        std::to_string(size) + " bytes could not be allocated");
}

}  // namespace

Arena::~Arena() {
  release();
}

Arena::Arena(Arena&& other) noexcept {
  *this = std::move(other);
}

Arena& Arena::operator=(Arena&& other) noexcept {
  if (this != &other) {
    release();
    chunks_ = std::exchange(other.chunks_, {});
    next_ = std::exchange(other.next_, nullptr);
    free_ = std::exchange(other.free_, 0);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

void* Arena::allocate_bytes(std::size_t count, std::size_t size) {
  if (count > std::numeric_limits<std::size_t>::max() / 2 / size) throw_out_of_memory(count, size);
  const std::size_t wanted = round_up(count * size, alignment);
  if (wanted > free_) {
    try {
      map_chunk(wanted);
    } catch (const std::bad_alloc&) {
      throw_out_of_memory(count, size);
    }
  }
  void* const result = next_;
  next_ += wanted;
  free_ -= wanted;
  bytes_ += count * size;
  return result;
}

// Maps one huge page more than needed so that the chunk can begin on a 2 MiB boundary.
void Arena::map_chunk(std::size_t bytes) {
  const std::size_t usable = round_up(std::max(bytes, chunk_bytes), huge_page);
  const std::size_t mapped = usable + huge_page;
  chunks_.reserve(chunks_.size() + 1);
  void* const mapping =
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  chunks_.push_back({mapping, mapped});
  const std::size_t address = reinterpret_cast<std::uintptr_t>(mapping);
  next_ = static_cast<std::byte*>(mapping) + (round_up(address, huge_page) - address);
  free_ = usable;
  // Advice only: where huge pages are off, small ones serve.
  static_cast<void>(madvise(next_, usable, MADV_HUGEPAGE));
}

void Arena::release() {
  for (const Chunk& chunk : chunks_) munmap(chunk.mapping, chunk.mapped);
  chunks_.clear();
}

}  // namespace bertq::engine
