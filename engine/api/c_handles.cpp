#include "engine/api/c_handles.h"

#include <pthread.h>

#include <string>

#include "bertq/error.h"

namespace bertq::engine::c_api {
namespace {

// No address of a program looks like this, so a handle never equals one, and whoever takes it for
// one is stopped by the processor.
constexpr std::uint64_t mark = 0xb357;
constexpr unsigned mark_shift = 48;
constexpr unsigned kind_bits = 2;

const char* name(HandleKind kind) {
  switch (kind) {
    case HandleKind::model:
      return "model";
    case HandleKind::session:
      return "session";
    case HandleKind::queue:
      return "queue";
  }
  return "handle";
}

std::uint64_t number(const void* handle) {
  return reinterpret_cast<std::uintptr_t>(handle);
}

[[noreturn]] void refuse(HandleKind kind, const std::string& got) {
  throw Error(ErrorKind::usage, std::string("expected a ") + name(kind) + ", got " + got);
}

// What is not in the table.
[[noreturn]] void refuse(HandleKind kind, const void* handle, std::uint64_t given_out) {
  const std::uint64_t value = number(handle);
  const std::uint64_t serial = (value & ((std::uint64_t{1} << mark_shift) - 1)) >> kind_bits;
  if (handle == nullptr) refuse(kind, "NULL");
  if (value >> mark_shift != mark || serial == 0 || serial > given_out) {
    refuse(kind, "what is not a handle");
  }
  refuse(kind, "one that has been freed");
}

bool is_of_kind(HandleKind kind, const void* handle) {
  return (number(handle) & ((1U << kind_bits) - 1)) == static_cast<std::uint64_t>(kind);
}

}  // namespace

Handles& Handles::instance() {
  static auto& handles = *new Handles;
  return handles;
}

Handles::Handles() {
  // The child gets a table that no thread was changing.
  ::pthread_atfork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                   [] {
                     ++instance().forks_;
                     instance().mutex_.unlock();
                   });
}

void* Handles::add(HandleKind kind, std::shared_ptr<void> object) {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t value =
      mark << mark_shift | ((given_out_ + 1) << kind_bits) | static_cast<std::uint64_t>(kind);
  void* const handle = reinterpret_cast<void*>(static_cast<std::uintptr_t>(value));
  entries_.emplace(handle, Entry{std::move(object), forks_});
  ++given_out_;
  return handle;
}

std::shared_ptr<void> Handles::find_entry(HandleKind kind, const void* handle) const {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(handle);
  if (found == entries_.end()) refuse(kind, handle, given_out_);
  if (!is_of_kind(kind, handle)) refuse(kind, "a handle of another kind");
  if (kind != HandleKind::model && found->second.forks != forks_) {
    refuse(kind, "one that was made before fork(): its threads are not in this process");
  }
  return found->second.object;
}

std::shared_ptr<void> Handles::remove(HandleKind kind, const void* handle) {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(handle);
  if (found == entries_.end()) refuse(kind, handle, given_out_);
  if (!is_of_kind(kind, handle)) refuse(kind, "a handle of another kind");
  std::shared_ptr<void> object = std::move(found->second.object);
  entries_.erase(found);
  return object;
}

}  // namespace bertq::engine::c_api
