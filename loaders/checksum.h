// The checksums that formats keep of their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "loaders/tensor.h"

namespace bertq::loaders {

// CRC-32C (Castagnoli, RFC 3720) of `bytes` behind bytes whose CRC is `before`. Uses the CPU's own
// instruction where it has one.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0);
// The same without that instruction: what the fast one is tested against.
std::uint32_t crc32c_portable(std::span<const std::byte> bytes, std::uint32_t before = 0);

// LevelDB's masked form of a CRC, so that the CRC of data that hold CRCs stays useful.
constexpr std::uint32_t masked(std::uint32_t crc) {
  return ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U;
}

// Of `bytes` bytes of the source from `offset` on. Throws what ByteSource::read throws.
std::uint32_t checksum_of(ChecksumKind kind, const ByteSource& source, std::uint64_t offset,
                          std::uint64_t bytes);

}  // namespace bertq::loaders
