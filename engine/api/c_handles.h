// The handles of the C API. A handle is not an address but a number that was given out once, so a
// stale, doubly freed or made-up one is told from a good one without touching memory that may be
// gone. No number is given out twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace bertq::engine::c_api {

enum class HandleKind : std::uint8_t { model = 1, session = 2, queue = 3 };

// Any thread. Survives fork() in whatever state other threads were.
class Handles {
 public:
  // One for the process, never destroyed: programs free handles until the very end.
  static Handles& instance();

  // Throws std::bad_alloc.
  void* add(HandleKind kind, std::shared_ptr<void> object);

  // The object stays until the caller has let go of it, whoever frees the handle meanwhile. Throws
  // Error (usage) for what is not a handle of this kind, or no longer, and for a session or a queue
  // that was made before fork(), which its threads did not survive.
  template <typename Object>
  std::shared_ptr<Object> find(HandleKind kind, const void* handle) const {
    return std::static_pointer_cast<Object>(find_entry(kind, handle));
  }

  // Forgets the handle and gives back its object. Throws as find, but takes what was made before
  // fork() as well.
  std::shared_ptr<void> remove(HandleKind kind, const void* handle);

 private:
  struct Entry {
    std::shared_ptr<void> object;
    unsigned forks = 0;  // of this process's ancestors, when the handle was made
  };

  Handles();
  std::shared_ptr<void> find_entry(HandleKind kind, const void* handle) const;

  mutable std::mutex mutex_;
  unsigned forks_ = 0;
  std::uint64_t given_out_ = 0;
  std::unordered_map<const void*, Entry> entries_;
};

}  // namespace bertq::engine::c_api
