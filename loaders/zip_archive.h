// A zip archive's directory, read strictly, and its members' bytes.
//
// Source: PKWARE's APPNOTE 6.3; of what it allows: members stored or deflated, zip64, data
// descriptors (PyTorch and streaming writers use them). Everything that two readers could
// understand differently is refused by name, so that what a scanner saw is what is loaded: a
// local header that contradicts the directory, equal names, overlapping members, names that lead
// out of the archive, two ends of the directory, zip64 fields that contradict the plain ones.
// Encrypted and split archives are refused as well. Gaps between members are harmless and may
// hold anything.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "loaders/byte_source.h"
#include "loaders/tensor.h"

namespace bertq::loaders {

// As long as a checkpoint may have tensors, and what lies beside them.
inline constexpr std::size_t zip_entry_limit = tensor_limit + 1'000;

enum class ZipMethod : std::uint16_t { stored = 0, deflated = 8 };

struct ZipEntry {
  std::string name;  // with '/'; a folder's ends in one
  ZipMethod method = ZipMethod::stored;
  std::uint32_t crc32 = 0;       // of the member's own bytes
  std::uint64_t compressed = 0;  // bytes in the archive
  std::uint64_t size = 0;        // the member's own bytes; equal to `compressed` if stored
  std::uint64_t offset = 0;      // of the first byte, in the archive's source
};

// Whether it begins as an archive with members does.
bool is_zip(const ByteSource& source);

// Immutable once made; thread-safe.
class ZipArchive {
 public:
  // Reads the directory and each member's local header, not the members. `source` must outlive the
  // archive. Throws FormatError "<file>: member <name>: expected ..., got ..." or "<file>: byte
  // <offset>: ...".
  explicit ZipArchive(const ByteSource& source);

  const ByteSource& source() const { return *source_; }
  // Sorted by name.
  const std::vector<ZipEntry>& entries() const { return entries_; }
  // Null if there is none of this name.
  const ZipEntry* find(std::string_view name) const;
  // False if all are zero, as torch.serialization.set_crc32_options(False) leaves them: the file
  // has none.
  bool has_checksums() const { return has_checksums_; }

 private:
  const ByteSource* source_;
  std::vector<ZipEntry> entries_;
  bool has_checksums_ = false;
};

// A member's bytes as a source of their own, named "<archive>: <member>". All of them are read once
// and held against size and checksum; FormatError if they do not agree. A stored member is then
// read in place, so the archive's source must outlive it. A deflated one is inflated into an
// unnamed temporary file in $TMPDIR or /tmp, std::system_error if that fails (a full disk).
std::unique_ptr<const ByteSource> open_member(const ZipArchive& archive, const ZipEntry& entry);

// Of a stored member, for tensors that are read in place.
Checksum checksum_of(const ZipEntry& entry);

}  // namespace bertq::loaders
