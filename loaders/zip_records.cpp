#include "loaders/zip_records.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "loaders/little_endian.h"
#include "loaders/printable.h"
#include "loaders/zip_archive.h"

namespace bertq::loaders {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50,
                        end_signature = 0x06054b50, end64_signature = 0x06064b50,
                        locator_signature = 0x07064b50, descriptor_signature = 0x08074b50;
constexpr std::size_t local_bytes = 30, central_bytes = 46, end_bytes = 22, end64_bytes = 56,
                      locator_bytes = 20;
constexpr std::size_t longest_comment = 0xFFFF;
constexpr std::uint16_t zip64_extra = 1;
// A field that holds this has its value in a zip64 record.
constexpr std::uint32_t saturated32 = 0xFFFF'FFFF;
constexpr std::uint16_t saturated16 = 0xFFFF;

std::uint16_t u16(Bytes bytes, std::size_t at) {
  return load_little_endian<std::uint16_t>(bytes, at);
}
std::uint32_t u32(Bytes bytes, std::size_t at) {
  return load_little_endian<std::uint32_t>(bytes, at);
}
std::uint64_t u64(Bytes bytes, std::size_t at) {
  return load_little_endian<std::uint64_t>(bytes, at);
}

[[noreturn]] void fail(const ByteSource& source, std::uint64_t offset, const std::string& what) {
  throw FormatError(source.name() + ": byte " + std::to_string(offset) + ": " + what);
}
[[noreturn]] void fail(const ByteSource& source, const std::string& name, const std::string& what) {
  throw FormatError(source.name() + ": member " + printable(name) + ": " + what);
}

std::vector<std::byte> read(const ByteSource& source, std::uint64_t offset, std::size_t count) {
  std::vector<std::byte> bytes(count);
  source.read(offset, bytes);
  return bytes;
}

// Sizes and the offset of a header that may be saturated, and then stand in the zip64 extra field,
// in this order and only those.
struct Wide {
  std::uint64_t *size, *compressed, *header;
};

void resolve_zip64(const ByteSource& source, const std::string& name, Bytes extra, Wide wide) {
  std::array<std::uint64_t*, 3> wanted{wide.size, wide.compressed, wide.header};
  const bool any = std::any_of(wanted.begin(), wanted.end(),
                               [](auto* field) { return field && *field == saturated32; });
  bool found = false;
  while (extra.size() >= 4) {
    const std::size_t length = u16(extra, 2);
    if (length > extra.size() - 4)
      fail(source, name, "expected whole extra fields, got a torn one");
    const std::uint16_t kind = u16(extra, 0);
    Bytes values = extra.subspan(4, length);
    extra = extra.subspan(4 + length);
    if (kind != zip64_extra) continue;
    if (std::exchange(found, true)) fail(source, name, "expected one zip64 field, got two");
    for (std::uint64_t* field : wanted) {
      if (field == nullptr || *field != saturated32) continue;
      if (values.size() < sizeof *field) {
        fail(source, name,
             "expected a longer zip64 field, got " + std::to_string(length) + " bytes");
      }
      *field = u64(values, 0);
      values = values.subspan(sizeof *field);
    }
  }
  if (any && !found) fail(source, name, "expected a zip64 field, found none");
}

// Offset in the file of the record that ends it. Its comment must reach the end exactly.
std::uint64_t find_end(const ByteSource& source) {
  const auto most =
      static_cast<std::size_t>(std::min<std::uint64_t>(source.size(), end_bytes + longest_comment));
  const std::uint64_t first = source.size() - most;
  const std::vector<std::byte> tail = read(source, first, most);
  std::optional<std::size_t> found;
  for (std::size_t at = 0; at + end_bytes <= tail.size(); ++at) {
    if (u32(tail, at) != end_signature) continue;
    if (u16(tail, at + 20) != tail.size() - at - end_bytes) continue;
    if (found) fail(source, first + at, "expected one end of the zip directory, got a second");
    found = at;
  }
  if (!found) {
    fail(source, source.size(), "expected a zip directory before the end of the file, found none");
  }
  return first + *found;
}

// The fields of the end that zip64's record repeats.
struct End {
  std::uint64_t disk, directory_disk, disk_entries, entries, bytes, begin;
};

void check_same(const ByteSource& source, std::uint64_t offset, const End& plain, const End& wide) {
  const auto differs = [](std::uint64_t narrow, std::uint64_t full, std::uint64_t saturated) {
    return narrow != saturated && narrow != full;
  };
  if (differs(plain.disk_entries, wide.disk_entries, saturated16) ||
      differs(plain.entries, wide.entries, saturated16) ||
      differs(plain.bytes, wide.bytes, saturated32) ||
      differs(plain.begin, wide.begin, saturated32)) {
    fail(source, offset, "expected the zip64 end to repeat the plain one, got other numbers");
  }
}

// The zip64 record that belongs to the end at `end`, if there is one; `end` becomes its offset.
std::optional<End> read_end64(const ByteSource& source, std::uint64_t& end) {
  if (end < locator_bytes + end64_bytes) return std::nullopt;
  const std::vector<std::byte> locator = read(source, end - locator_bytes, locator_bytes);
  if (u32(locator, 0) != locator_signature) return std::nullopt;
  const std::uint64_t at = u64(locator, 8), last = end - locator_bytes - end64_bytes;
  if (at > last) {
    fail(source, end - locator_bytes,
         "expected the zip64 end at byte " + std::to_string(last) + " or before, got " +
             std::to_string(at));
  }
  const std::vector<std::byte> record = read(source, at, end64_bytes);
  constexpr std::uint64_t uncounted = 12;  // the signature and the length itself
  if (u32(record, 0) != end64_signature || u64(record, 4) != end - locator_bytes - at - uncounted) {
    fail(source, at, "expected a zip64 end that reaches its locator, got something else");
  }
  end = at;
  return End{u32(record, 16), u32(record, 20), u64(record, 24),
             u64(record, 32), u64(record, 40), u64(record, 48)};
}

}  // namespace

ZipDirectory find_zip_directory(const ByteSource& source) {
  std::uint64_t at = find_end(source);
  const std::vector<std::byte> record = read(source, at, end_bytes);
  End end{u16(record, 4),  u16(record, 6),  u16(record, 8),
          u16(record, 10), u32(record, 12), u32(record, 16)};
  const std::uint64_t plain_at = at;
  if (const std::optional<End> wide = read_end64(source, at)) {
    check_same(source, plain_at, end, *wide);
    end = *wide;
  }
  if (end.disk != 0 || end.directory_disk != 0 || end.disk_entries != end.entries) {
    fail(source, at, "expected a zip archive in one part, got one of several");
  }
  if (end.entries > zip_entry_limit) {
    fail(source, at,
         "expected at most " + std::to_string(zip_entry_limit) + " members, got " +
             std::to_string(end.entries));
  }
  if (end.begin > at || at - end.begin != end.bytes) {
    fail(source, at,
         "expected the zip directory to end here, got " + std::to_string(end.bytes) +
             " bytes from byte " + std::to_string(end.begin));
  }
  if (end.bytes / central_bytes < end.entries) {
    fail(source, at,
         "expected at least " + std::to_string(central_bytes) + " bytes for each of " +
             std::to_string(end.entries) + " members, got " + std::to_string(end.bytes) +
             " in all");
  }
  return {end.begin, at, end.entries};
}

CentralHeaders::CentralHeaders(const ByteSource& source, const ZipDirectory& directory)
    : source_(source),
      bytes_(
          read(source, directory.begin, static_cast<std::size_t>(directory.end - directory.begin))),
      begin_(directory.begin),
      expected_(directory.entries) {}

std::optional<CentralHeader> CentralHeaders::next() {
  const Bytes left = Bytes(bytes_).subspan(at_);
  const std::uint64_t place = begin_ + at_;
  if (met_ == expected_) {
    if (left.empty()) return std::nullopt;
    fail(source_, place,
         "expected the end of the zip directory after " + std::to_string(expected_) +
             " members, got " + std::to_string(left.size()) + " more bytes");
  }
  if (left.size() < central_bytes || u32(left, 0) != central_signature) {
    fail(source_, place, "expected a header of the zip directory, got something else");
  }
  const std::size_t name = u16(left, 28), extra = u16(left, 30), comment = u16(left, 32);
  const std::size_t all = central_bytes + name + extra + comment;
  if (left.size() < all) fail(source_, place, "expected a whole header, the directory ends");
  CentralHeader header{{reinterpret_cast<const char*>(left.data()) + central_bytes, name},
                       u16(left, 8),
                       u16(left, 10),
                       u16(left, 34),
                       u32(left, 16),
                       u32(left, 20),
                       u32(left, 24),
                       u32(left, 42)};
  resolve_zip64(source_, header.name, left.subspan(central_bytes + name, extra),
                {&header.size, &header.compressed, &header.header});
  at_ += all;
  ++met_;
  return header;
}

LocalHeader read_local_header(const ByteSource& source, const CentralHeader& central,
                              std::uint64_t limit) {
  const auto expect_room = [&](std::uint64_t bytes) {
    if (central.header > limit || limit - central.header < bytes) {
      fail(source, central.name,
           "expected a local header before byte " + std::to_string(limit) + ", got byte " +
               std::to_string(central.header));
    }
  };
  expect_room(local_bytes + central.name.size());
  const std::vector<std::byte> bytes =
      read(source, central.header, local_bytes + central.name.size());
  if (u32(bytes, 0) != local_signature) {
    fail(source, central.name,
         "expected a local header at byte " + std::to_string(central.header) +
             ", got something else");
  }
  const std::size_t name = u16(bytes, 26), extra = u16(bytes, 28);
  const std::string_view local_name(reinterpret_cast<const char*>(bytes.data()) + local_bytes,
                                    central.name.size());
  if (name != central.name.size() || local_name != central.name) {
    fail(source, central.name, "expected the same name in its local header, got another");
  }
  expect_room(bytes.size() + extra);
  LocalHeader header{u16(bytes, 6),  u16(bytes, 8),  u32(bytes, 14),
                     u32(bytes, 18), u32(bytes, 22), central.header + bytes.size() + extra};
  if (header.compressed == saturated32 || header.size == saturated32) {
    resolve_zip64(source, central.name, read(source, central.header + bytes.size(), extra),
                  {&header.size, &header.compressed, nullptr});
  }
  return header;
}

std::uint64_t descriptor_bytes(const ByteSource& source, const CentralHeader& central,
                               std::uint64_t offset, std::uint64_t limit) {
  // [signature] checksum, compressed size, size; the sizes of 4 bytes each or of 8.
  constexpr std::size_t longest = 24;
  const std::vector<std::byte> found = read(
      source, offset, static_cast<std::size_t>(std::min<std::uint64_t>(longest, limit - offset)));
  for (const std::size_t begin : {std::size_t{4}, std::size_t{0}}) {
    for (const std::size_t width : {std::size_t{4}, std::size_t{8}}) {
      const std::size_t all = begin + 4 + 2 * width;
      if (found.size() < all || (begin == 4 && u32(found, 0) != descriptor_signature)) continue;
      const auto number = [&](std::size_t at) {
        return width == 4 ? u32(found, at) : u64(found, at);
      };
      if (u32(found, begin) == central.crc32 && number(begin + 4) == central.compressed &&
          number(begin + 4 + width) == central.size) {
        return all;
      }
    }
  }
  fail(source, central.name,
       "expected a descriptor behind its data that repeats the directory, "
       "found none");
}

}  // namespace bertq::loaders
