// Reads a pickle without doing what it says: a machine that pushes plain values, constructs no
// object and calls nothing.
//
// Source: Python's pickletools, protocols 2 to 5. Of their opcodes those that PyTorch has used to
// store tensors are allowed, and of all names in the world those in the caller's table; everything
// else is refused by name and offset. No recursion; memory is bounded by the pickle's own size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "loaders/byte_source.h"
#include "loaders/pickle_values.h"

namespace bertq::loaders {

// What a call of a name makes.
enum class PickleRole : std::uint8_t {
  constant,        // it is not to be called
  call,            // PickleKind::call
  dict,            // a dict, of the pairs in its argument if it has one
  first_argument,  // what wraps a value: the value
};
struct PickleName {
  std::string_view module, name;
  PickleRole role = PickleRole::constant;
};

struct PickleNames {
  std::span<const PickleName> known;  // PickleValues::global() is an index of it
  // Classes in this module and below it may have objects: TorchScript's. Empty: none.
  std::string_view class_root;
};

struct PicklePlace {
  std::string file;          // for messages
  std::uint64_t offset = 0;  // of the pickle's first byte, as messages count
};

struct Pickle {
  PickleValues values;
  PickleIndex root = 0;
  std::uint64_t size = 0;  // bytes, of which the last is STOP
};

inline constexpr std::uint64_t pickle_bytes_limit = std::uint64_t{64} << 20U;

// The pickle at `offset` of the source, which may go on behind it, but not past `limit` bytes.
// Throws FormatError "<file>: byte <n>: expected ..., got ...".
Pickle read_pickle(const ByteSource& source, std::uint64_t offset, std::uint64_t limit,
                   const PickleNames& names, const PicklePlace& place);

}  // namespace bertq::loaders
