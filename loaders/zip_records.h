// The records of a zip archive as they lie in the file (APPNOTE 4.3): read, bounded and decoded,
// zip64 resolved; what they say about each other is zip_archive.cpp's to judge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loaders/byte_source.h"

namespace bertq::loaders {

namespace zip_flag {
inline constexpr std::uint16_t encrypted = 1U << 0U;
inline constexpr std::uint16_t descriptor = 1U << 3U;  // sizes and checksum behind the data
inline constexpr std::uint16_t meaningful = encrypted | descriptor;
// All but the above, the two of how hard deflate tried, and UTF-8 names.
inline constexpr std::uint16_t unknown = 0xFFFFU & ~(1U << 0U | 3U << 1U | 1U << 3U | 1U << 11U);
}  // namespace zip_flag

// Where the directory lies: [begin, end) of the file.
struct ZipDirectory {
  std::uint64_t begin = 0, end = 0;
  std::uint64_t entries = 0;
};
// From the records at the end of the file. Throws FormatError if there are none, if they are
// contradictory, or if the directory does not end where they begin.
ZipDirectory find_zip_directory(const ByteSource& source);

struct CentralHeader {
  std::string name;
  std::uint16_t flags = 0, method = 0, disk = 0;
  std::uint32_t crc32 = 0;
  std::uint64_t compressed = 0, size = 0;
  std::uint64_t header = 0;  // offset of the local header
};

// The directory's headers one after another. Throws FormatError if one is damaged or if there are
// not as many as the directory's end says. `source` must outlive it.
class CentralHeaders {
 public:
  CentralHeaders(const ByteSource& source, const ZipDirectory& directory);
  std::optional<CentralHeader> next();  // empty behind the last

 private:
  const ByteSource& source_;
  std::vector<std::byte> bytes_;
  std::uint64_t begin_, expected_;
  std::uint64_t met_ = 0;
  std::size_t at_ = 0;
};

struct LocalHeader {
  std::uint16_t flags = 0, method = 0;
  std::uint32_t crc32 = 0;
  std::uint64_t compressed = 0, size = 0;
  std::uint64_t end = 0;  // where the data begin
};
// The header at central.header, all of it before `limit`. Throws FormatError, also if it has
// another name.
LocalHeader read_local_header(const ByteSource& source, const CentralHeader& central,
                              std::uint64_t limit);

// Length of the data descriptor at `offset`, which has several forms and must repeat what the
// directory says. Throws FormatError if none fits.
std::uint64_t descriptor_bytes(const ByteSource& source, const CentralHeader& central,
                               std::uint64_t offset, std::uint64_t limit);

}  // namespace bertq::loaders
