#include "loaders/checksum.h"

#include <nmmintrin.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace bertq::loaders {
namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 18U;

constexpr std::array<std::uint32_t, 256> castagnoli_table() {
  constexpr std::uint32_t polynomial = 0x82f63b78U;  // reflected
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? polynomial : 0U);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> table = castagnoli_table();

__attribute__((target("sse4.2"))) std::uint32_t crc32c_instruction(std::span<const std::byte> bytes,
                                                                   std::uint32_t before) {
  std::uint64_t crc = ~before;
  std::size_t i = 0;
  for (; i + sizeof(std::uint64_t) <= bytes.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof word);
    crc = _mm_crc32_u64(crc, word);
  }
  auto rest = static_cast<std::uint32_t>(crc);
  for (; i < bytes.size(); ++i) rest = _mm_crc32_u8(rest, std::to_integer<std::uint8_t>(bytes[i]));
  return ~rest;
}

std::uint32_t zip_crc32(std::span<const std::byte> bytes, std::uint32_t before) {
  return static_cast<std::uint32_t>(
      crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

std::uint32_t crc32c_portable(std::span<const std::byte> bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  for (const std::byte byte : bytes) {
    crc = table[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xffU] ^ (crc >> 8U);
  }
  return ~crc;
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) {
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  return has_instruction ? crc32c_instruction(bytes, before) : crc32c_portable(bytes, before);
}

std::uint32_t checksum_of(ChecksumKind kind, const ByteSource& source, std::uint64_t offset,
                          std::uint64_t bytes) {
  std::uint32_t crc = 0;
  std::vector<std::byte> piece(
      static_cast<std::size_t>(std::min<std::uint64_t>(bytes, piece_bytes)));
  while (bytes > 0) {
    const auto part = std::span(piece).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(bytes, piece.size())));
    source.read(offset, part);
    crc = kind == ChecksumKind::crc32 ? zip_crc32(part, crc) : crc32c(part, crc);
    offset += part.size();
    bytes -= part.size();
  }
  return kind == ChecksumKind::masked_crc32c ? masked(crc) : crc;
}

}  // namespace bertq::loaders
