#include "loaders/zip_archive.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "loaders/little_endian.h"
#include "loaders/printable.h"
#include "loaders/zip_records.h"

namespace bertq::loaders {
namespace {

// Deflate's best: 258 bytes for two bits, and a little for the block's beginning.
constexpr std::uint64_t most_inflation = 1032;

[[noreturn]] void fail(const ByteSource& source, const std::string& name, const std::string& what) {
  throw FormatError(source.name() + ": member " + printable(name) + ": " + what);
}

// An entry with what only the directory's own checks need.
struct Listed {
  ZipEntry entry;
  std::uint64_t header = 0, end = 0;  // the member with its local header and its descriptor
};

bool leads_outside(std::string_view name) {
  if (name.empty() || name.front() == '/') return true;
  // Windows takes the one for a separator, C the other for the end.
  if (name.find_first_of(std::string_view("\\\0", 2)) != std::string_view::npos) return true;
  while (true) {
    const std::size_t slash = name.find('/');
    if (name.substr(0, slash) == "..") return true;
    if (slash == std::string_view::npos) return false;
    name.remove_prefix(slash + 1);
  }
}

void check_entry(const ByteSource& source, const CentralHeader& header) {
  const std::string& name = header.name;
  if (leads_outside(name)) fail(source, name, "expected a name inside the archive, got this");
  if ((header.flags & zip_flag::encrypted) != 0) {
    fail(source, name, "expected no encryption, got an encrypted member");
  }
  if ((header.flags & zip_flag::unknown) != 0) {
    fail(source, name, "expected plain flags, got " + std::to_string(header.flags));
  }
  if (header.disk != 0) {
    fail(source, name, "expected an archive in one part, got part " + std::to_string(header.disk));
  }
  if (header.method != static_cast<std::uint16_t>(ZipMethod::stored) &&
      header.method != static_cast<std::uint16_t>(ZipMethod::deflated)) {
    fail(source, name,
         "expected method 0 (stored) or 8 (deflated), got " + std::to_string(header.method));
  }
  const bool stored = header.method == static_cast<std::uint16_t>(ZipMethod::stored);
  if (stored && header.compressed != header.size) {
    fail(source, name,
         "expected " + std::to_string(header.size) + " stored bytes, got " +
             std::to_string(header.compressed));
  }
  if (!stored && header.size / most_inflation > header.compressed) {
    fail(source, name,
         "expected at most " + std::to_string(most_inflation) + " times its " +
             std::to_string(header.compressed) + " deflated bytes, got " +
             std::to_string(header.size));
  }
}

// The local header must say what the directory says; the data begin behind it.
Listed locate(const ByteSource& source, CentralHeader header, std::uint64_t directory_begin) {
  const LocalHeader local = read_local_header(source, header, directory_begin);
  const auto expect = [&](std::string_view field, std::uint64_t expected, std::uint64_t got) {
    if (expected == got) return;
    fail(source, header.name,
         "local " + std::string(field) + ": expected " + std::to_string(expected) +
             " by the directory, got " + std::to_string(got));
  };
  expect("flags", header.flags & zip_flag::meaningful, local.flags & zip_flag::meaningful);
  expect("method", header.method, local.method);
  const bool described = (header.flags & zip_flag::descriptor) != 0;
  // With a descriptor the local fields are zero, or already right.
  if (!described || local.crc32 != 0) expect("checksum", header.crc32, local.crc32);
  if (!described || local.compressed != 0) {
    expect("compressed size", header.compressed, local.compressed);
  }
  if (!described || local.size != 0) expect("size", header.size, local.size);

  std::uint64_t end = 0;
  if (__builtin_add_overflow(local.end, header.compressed, &end) || end > directory_begin) {
    fail(source, header.name,
         "expected to end before the directory at byte " + std::to_string(directory_begin) +
             ", got " + std::to_string(header.compressed) + " bytes from byte " +
             std::to_string(local.end));
  }
  if (described) end += descriptor_bytes(source, header, end, directory_begin);
  return {{std::move(header.name), static_cast<ZipMethod>(header.method), header.crc32,
           header.compressed, header.size, local.end},
          header.header,
          end};
}

void refuse_overlaps(const ByteSource& source, std::vector<Listed>& listed) {
  std::sort(listed.begin(), listed.end(),
            [](const Listed& a, const Listed& b) { return a.header < b.header; });
  const auto second =
      std::adjacent_find(listed.begin(), listed.end(),
                         [](const Listed& a, const Listed& b) { return b.header < a.end; });
  if (second == listed.end()) return;
  const Listed& first = *second;
  const Listed& other = *(second + 1);
  fail(source, other.entry.name,
       "expected to begin behind " + printable(first.entry.name) + ", which ends at byte " +
           std::to_string(first.end) + ", got byte " + std::to_string(other.header));
}

void refuse_duplicates(const ByteSource& source, const std::vector<ZipEntry>& sorted) {
  const auto twice =
      std::adjacent_find(sorted.begin(), sorted.end(),
                         [](const ZipEntry& a, const ZipEntry& b) { return a.name == b.name; });
  if (twice != sorted.end()) fail(source, twice->name, "expected one of this name, got two");
}

}  // namespace

bool is_zip(const ByteSource& source) {
  std::array<char, 4> mark{};
  if (source.size() < mark.size()) return false;
  source.read(0, std::as_writable_bytes(std::span(mark)));
  return std::string_view(mark.data(), mark.size()) == "PK\x03\x04";
}

ZipArchive::ZipArchive(const ByteSource& source) : source_(&source) {
  const ZipDirectory directory = find_zip_directory(source);
  CentralHeaders headers(source, directory);
  std::vector<Listed> listed;
  while (std::optional<CentralHeader> header = headers.next()) {
    check_entry(source, *header);
    listed.push_back(locate(source, std::move(*header), directory.begin));
  }
  refuse_overlaps(source, listed);
  entries_.reserve(listed.size());
  for (Listed& one : listed) entries_.push_back(std::move(one.entry));
  std::sort(entries_.begin(), entries_.end(),
            [](const ZipEntry& a, const ZipEntry& b) { return a.name < b.name; });
  refuse_duplicates(source, entries_);
  has_checksums_ = std::any_of(entries_.begin(), entries_.end(),
                               [](const ZipEntry& entry) { return entry.crc32 != 0; });
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto entry =
      std::lower_bound(entries_.begin(), entries_.end(), name,
                       [](const ZipEntry& a, std::string_view b) { return a.name < b; });
  return entry != entries_.end() && entry->name == name ? &*entry : nullptr;
}

Checksum checksum_of(const ZipEntry& entry) {
  return {ChecksumKind::crc32, entry.crc32, entry.offset, entry.compressed};
}

}  // namespace bertq::loaders
