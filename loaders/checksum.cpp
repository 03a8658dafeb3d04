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

// CRCs are linear: what `lane_bytes` zero bytes do to one is a 32x32 matrix over bits, here as the
// columns that its bits select. Squaring the matrix of one zero byte doubles the bytes.
constexpr std::size_t lane_bytes = 4096;
using BitMatrix = std::array<std::uint32_t, 32>;

constexpr std::uint32_t times(const BitMatrix& matrix, std::uint32_t vector) {
  std::uint32_t product = 0;
  for (std::size_t bit = 0; bit < matrix.size(); ++bit) {
    if (((vector >> bit) & 1U) != 0) product ^= matrix[bit];
  }
  return product;
}

constexpr BitMatrix lane_of_zeros() {
  BitMatrix matrix{};
  for (std::size_t bit = 0; bit < matrix.size(); ++bit) {
    const std::uint32_t crc = 1U << bit;
    matrix[bit] = table[crc & 0xffU] ^ (crc >> 8U);
  }
  for (std::size_t bytes = 1; bytes < lane_bytes; bytes *= 2) {
    BitMatrix square{};
    for (std::size_t bit = 0; bit < matrix.size(); ++bit) square[bit] = times(matrix, matrix[bit]);
    matrix = square;
  }
  return matrix;
}

std::uint32_t behind_lane(std::uint32_t crc) {
  static constexpr BitMatrix matrix = lane_of_zeros();
  return times(matrix, crc);
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_instruction(std::span<const std::byte> bytes,
                                                                   std::uint32_t before) {
  constexpr std::size_t step = sizeof(std::uint64_t);
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  const auto word = [](const std::byte* from) {
    std::uint64_t value = 0;
    std::memcpy(&value, from, sizeof value);
    return value;
  };
  std::uint64_t crc = ~before;
  // The instruction takes three cycles, but a CPU can begin one in each: three lanes at once.
  for (; left >= 3 * lane_bytes; at += 3 * lane_bytes, left -= 3 * lane_bytes) {
    std::uint64_t second = 0, third = 0;
    for (std::size_t i = 0; i < lane_bytes; i += step) {
      crc = _mm_crc32_u64(crc, word(at + i));
      second = _mm_crc32_u64(second, word(at + lane_bytes + i));
      third = _mm_crc32_u64(third, word(at + 2 * lane_bytes + i));
    }
    crc = behind_lane(static_cast<std::uint32_t>(crc)) ^ second;
    crc = behind_lane(static_cast<std::uint32_t>(crc)) ^ third;
  }
  for (; left >= step; at += step, left -= step) crc = _mm_crc32_u64(crc, word(at));
  auto rest = static_cast<std::uint32_t>(crc);
  for (; left > 0; ++at, --left) rest = _mm_crc32_u8(rest, std::to_integer<std::uint8_t>(*at));
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
