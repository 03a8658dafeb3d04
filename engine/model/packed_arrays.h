// The packed arrays of a .bertq file, brought into memory at once.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/runtime/arena.h"
#include "loaders/checkpoint.h"

namespace bertq::engine {

// Used by one thread.
class PackedArrays {
 public:
  // Reads all arrays into one block of `arena`, in the order of the file and each held against its
  // checksum while it is in the cache; one that the file is mapped for stays there. `checkpoint`
  // must outlive this. Throws Error (input) for floats that are not finite, loaders::FormatError
  // for damage.
  PackedArrays(const loaders::Checkpoint& checkpoint, Arena& arena);

  // The first byte of the array of this name, not to be written to. Each can be taken once. Throws
  // Error (input) if there is none, or one of another type or number of elements.
  std::byte* take(std::string_view name, loaders::DType dtype, std::size_t count);
  std::string place(std::string_view name) const;  // for messages
  // Throws Error (input) naming an array that nobody took.
  void require_all_taken() const;

  // Keeps the mapping, if the arrays lie in one.
  std::shared_ptr<const void> owner() const { return owner_; }

 private:
  struct Stored {
    const loaders::Tensor* tensor = nullptr;
    std::byte* begin = nullptr;
    bool taken = false;
  };
  void read_into(Arena& arena);

  const loaders::Checkpoint& checkpoint_;
  std::map<std::string_view, Stored> arrays_;
  std::shared_ptr<const void> owner_;
};

}  // namespace bertq::engine
