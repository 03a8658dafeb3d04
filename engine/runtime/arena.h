// Memory that is asked for once and given back as a whole: packed weights, and the working memory
// of a session.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

namespace bertq::engine {

// Every allocation is zeroed and begins at a multiple of 64 bytes, one cache line and one register.
// The memory lies on 2 MiB boundaries and asks the kernel for huge pages: BERT's weights in pages
// of 4 KiB would overflow every TLB. Only what is written becomes resident. Spans hold as long as
// the arena; moving it moves none of them. Not thread-safe.
class Arena {
 public:
  Arena() = default;
  ~Arena();
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) noexcept;

  // Throws Error (resources) naming the amount if the memory cannot be had.
  template <typename T>
  std::span<T> allocate(std::size_t count) {
    static_assert(std::is_trivially_copyable_v<T>);
    return {static_cast<T*>(allocate_bytes(count, sizeof(T))), count};
  }
  // Sum of all allocations.
  std::size_t bytes() const { return bytes_; }

 private:
  struct Chunk {
    void* mapping = nullptr;
    std::size_t mapped = 0;
  };
  void* allocate_bytes(std::size_t count, std::size_t size);
  void map_chunk(std::size_t bytes);
  void release();

  std::vector<Chunk> chunks_;
  std::byte* next_ = nullptr;  // the free part of the newest chunk
  std::size_t free_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace bertq::engine
