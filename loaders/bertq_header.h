// The header of a .bertq file: one model packed for the engine, in one file.
//
// All numbers are little-endian.
//
//   byte  0  magic: 89 'B' 'E' 'R' 'T' 'Q' 0D 0A, which a transfer as text would break
//         8  u32  version of the format: 1
//        12  u32  CRC-32C of the header, these four bytes counted as zeros
//        16  u64  bytes of the header: these 64 and the table
//        24  u64  bytes of the file
//        32  u32  number of sections
//        36  zeros up to 64
//        64  the table: one record a section, in the order of their bytes
//
// A record:
//
//         0  u64  offset of the section in the file
//         8  u64  bytes in the file
//        16  u64  bytes unpacked; more than those in the file: they are a zlib stream (RFC 1950)
//        24  u32  CRC-32C of the bytes in the file
//        28  u8   kind: 0 an array, 1 a file of the model's folder, 2 a note of bertq's own
//        29  u8   0
//        30  u16  bytes of the name
//        32  8 characters: an array's element type as safetensors spells it, padded with zeros
//        40  the name
//
// The first section begins at the first multiple of 64 at or after the table's end, each other at
// the first at or after the end of the one before; zeros lie between. So nothing can overlap, and
// mapped arrays are aligned for every kernel. At the multiple of 64 after the last one stand 16
// bytes, the XXH3-128 of all before them in its canonical form (most significant byte first), and
// the file ends.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "loaders/byte_source.h"
#include "loaders/dtype.h"

namespace bertq::loaders {

inline constexpr std::string_view bertq_magic =
    "\x89"
    "BERTQ\r\n";
inline constexpr std::uint32_t bertq_version = 1;
inline constexpr std::uint64_t bertq_alignment = 64;
inline constexpr std::uint64_t bertq_prefix_bytes = 64;
inline constexpr std::uint64_t bertq_record_bytes = 40;
inline constexpr std::uint64_t bertq_hash_bytes = 16;
// Far above a BERT-large's 40 KB.
inline constexpr std::uint64_t bertq_header_limit = std::uint64_t{16} << 20U;
inline constexpr std::size_t bertq_name_limit = 1'000;
// Of all files and notes, unpacked: the largest vocabularies have some 20 MB.
inline constexpr std::uint64_t bertq_text_limit = std::uint64_t{64} << 20U;

enum class SectionKind : std::uint8_t { array = 0, file = 1, note = 2 };

struct BertqSection {
  SectionKind kind = SectionKind::array;
  std::string name;
  DType dtype = DType::u8;     // of an array
  std::uint64_t offset = 0;    // in the file
  std::uint64_t bytes = 0;     // in the file
  std::uint64_t unpacked = 0;  // `bytes`, unless it is packed
  std::uint32_t crc32c = 0;    // of the bytes in the file
};

// Rounds up to where a section may begin; false if that does not fit 64 bits.
bool align_bertq(std::uint64_t& offset);

// Whether the source begins as a .bertq file does.
bool is_bertq(const ByteSource& source);

// Reads and checks the whole header against the size of the source: its sections in their order.
// Throws FormatError "<file>: <section | byte>: expected ..., got ...".
std::vector<BertqSection> read_bertq_header(const ByteSource& source);

// The header as bytes, its table filled from `sections`, whose offsets are set; for the writer.
std::vector<std::byte> bertq_header_bytes(const std::vector<BertqSection>& sections,
                                          std::uint64_t file_bytes);
// Of the header alone, from the names.
std::uint64_t bertq_header_size(const std::vector<BertqSection>& sections);

}  // namespace bertq::loaders
