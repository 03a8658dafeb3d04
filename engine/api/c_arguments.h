// What C programs hand over, checked and in C++'s terms.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bertq/bertq.h"
#include "bertq/bertq.hpp"

namespace bertq::engine::c_api {

// Throws Error (usage): "<name>: expected ..., got ...".
[[noreturn]] void refuse(const char* name, const std::string& what);

template <typename Type>
Type& not_null(Type* pointer, const char* name) {
  if (pointer == nullptr) refuse(name, "expected an address, got NULL");
  return *pointer;
}

void check_size(std::uint32_t size, std::size_t expected, const char* name);

// NULL: the defaults, all 0.
template <typename Options>
Options checked_options(const Options* options, const char* name) {
  if (options == nullptr) return {};
  check_size(options->size, sizeof(Options), name);
  return *options;
}

// BERTQ_DEFAULT, _YES, _NO.
std::optional<bool> choice(std::int32_t value, const char* name);
inline bool chosen(std::int32_t value, const char* name) {
  return choice(value, name).value_or(false);
}
EmbeddingOptions embedding_options(std::int32_t pooling, std::int32_t normalize);

// The value, or what the C++ options have as theirs.
inline void set_unless_0(std::size_t& option, std::size_t value) {
  if (value != 0) option = value;
}

// Looks at the caller's memory. Reads of ids no more than the model can run; throws Error, input
// for a mask with holes or without ones and for too many ids, usage for anything else that is
// wrong. `name` says which input: "input 3".
Input checked_input(const bertq_input* input, std::size_t max_tokens, const std::string& name);

// Two results of `capacity` elements and of other_bytes have to be in different places.
void check_apart(const void* values, std::size_t capacity, std::size_t element, const void* other,
                 std::size_t other_bytes, const char* name);

[[noreturn]] void refuse_short_buffer();

// The caller's memory for results: nothing is written before all is computed.
template <typename Value>
class Buffer {
 public:
  // Throws Error (usage) for no memory, sizes that cannot be, and `count` within the memory.
  Buffer(Value* values, std::size_t capacity, std::size_t* count, const char* name)
      : values_(values), capacity_(capacity), count_(&not_null(count, "count")) {
    if (values == nullptr && capacity != 0) refuse(name, "expected an address, got NULL");
    check_apart(values, capacity, sizeof(Value), count, sizeof *count, name);
  }

  // Throws StatusError, having told the caller how many there are, if there is no room for them.
  void require_room(std::size_t count) const {
    if (count <= capacity_) return;
    *count_ = count;
    refuse_short_buffer();
  }
  void write(std::span<const Value> values) const {
    require_room(values.size());
    std::copy(values.begin(), values.end(), values_);
    *count_ = values.size();
  }

 private:
  Value* values_;
  std::size_t capacity_;
  std::size_t* count_;
};

}  // namespace bertq::engine::c_api
