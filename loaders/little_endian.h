// Numbers as files hold them. bertq is built for little-endian machines only.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>

namespace bertq::loaders {

// From `at` on, which need not be aligned; the caller has checked that the bytes are there.
template <typename T>
T load_little_endian(std::span<const std::byte> bytes, std::size_t at = 0) {
  static_assert(std::is_arithmetic_v<T>);
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

}  // namespace bertq::loaders
