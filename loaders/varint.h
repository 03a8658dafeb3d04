// Numbers of variable length, as LevelDB's tables and Protocol Buffers write them: seven bits a
// byte, the lowest first, the top bit set in all bytes but the last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace bertq::loaders {

// Takes one off the front of `bytes`. Empty, and `bytes` as it was, if they end within it, if it
// has more than ten bytes or does not fit 64 bits.
std::optional<std::uint64_t> take_varint(std::span<const std::byte>& bytes);

}  // namespace bertq::loaders
