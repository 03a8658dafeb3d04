#include "loaders/bertq_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <span>
#include <utility>

#include "loaders/checksum.h"
#include "loaders/little_endian.h"
#include "loaders/printable.h"
#include "loaders/tensor.h"

namespace bertq::loaders {
namespace {

constexpr std::size_t dtype_characters = 8;
constexpr std::size_t crc_offset = 12;

std::string text(std::uint64_t number) {
  return std::to_string(number);
}

[[noreturn]] void fail(const ByteSource& source, const std::string& where,
                       const std::string& expected, const std::string& got) {
  throw FormatError(source.name() + ": " + where + ": expected " + expected + ", got " + got);
}

std::string byte(std::uint64_t offset) {
  return "byte " + text(offset);
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// The fields of the first 64 bytes that are not fixed.
struct Prefix {
  std::uint32_t crc32c = 0, sections = 0;
  std::uint64_t header_bytes = 0, file_bytes = 0;
};

Prefix read_prefix(const ByteSource& source) {
  if (source.size() < bertq_prefix_bytes + bertq_hash_bytes) {
    fail(source, byte(0), "the header of a .bertq file", text(source.size()) + " bytes in all");
  }
  std::array<std::byte, bertq_prefix_bytes> bytes{};
  source.read(0, bytes);
  if (std::memcmp(bytes.data(), bertq_magic.data(), bertq_magic.size()) != 0) {
    fail(source, byte(0), "a .bertq file", "something else");
  }
  const auto version = load_little_endian<std::uint32_t>(bytes, 8);
  if (version != bertq_version) {
    fail(source, byte(8), "version " + text(bertq_version) + " of the .bertq format",
         "version " + text(version) +
             (version > bertq_version ? ", which a later bertq has written" : ""));
  }
  const Prefix prefix{load_little_endian<std::uint32_t>(bytes, crc_offset),
                      load_little_endian<std::uint32_t>(bytes, 32),
                      load_little_endian<std::uint64_t>(bytes, 16),
                      load_little_endian<std::uint64_t>(bytes, 24)};
  const std::uint64_t most = std::min(bertq_header_limit, source.size() - bertq_hash_bytes);
  if (prefix.header_bytes < bertq_prefix_bytes || prefix.header_bytes > most) {
    fail(source, byte(16),
         "the length of a header, " + text(bertq_prefix_bytes) + ".." + text(most),
         text(prefix.header_bytes));
  }
  if (prefix.file_bytes != source.size()) {
    fail(source, byte(24), text(prefix.file_bytes) + " bytes in the file", text(source.size()));
  }
  return prefix;
}

std::vector<std::byte> read_checked_header(const ByteSource& source, const Prefix& prefix) {
  std::vector<std::byte> header(static_cast<std::size_t>(prefix.header_bytes));
  source.read(0, header);
  std::memset(header.data() + crc_offset, 0, sizeof prefix.crc32c);
  const std::uint32_t got = crc32c(header);
  if (got != prefix.crc32c) {
    fail(source, "header", "the checksum " + text(prefix.crc32c),
         text(got) + ": the file is damaged");
  }
  return header;
}

DType parse_dtype(const ByteSource& source, const std::string& place, SectionKind kind,
                  std::span<const std::byte> characters) {
  std::string_view name(reinterpret_cast<const char*>(characters.data()), characters.size());
  name = name.substr(0, std::min(name.find('\0'), name.size()));
  const bool padded = all_zero(characters.subspan(name.size()));
  if (kind != SectionKind::array) {
    if (!name.empty() || !padded) fail(source, place, "no element type", printable(name));
    return DType::u8;
  }
  const auto dtype = dtype_named(name);
  if (!dtype || !padded) {
    fail(source, place, "a known element type such as F32 or I8", printable(name));
  }
  return *dtype;
}

// What a zlib stream can at most expand to: 258 bytes for two bits.
constexpr std::uint64_t zlib_ratio_limit = 1032;

void check_size(const ByteSource& source, const std::string& place, const BertqSection& section) {
  if (section.kind == SectionKind::array) {
    if (section.unpacked != section.bytes) {
      fail(source, place, text(section.bytes) + " bytes unpacked, as an array is stored as it is",
           text(section.unpacked));
    }
    if (section.bytes % dtype_bytes(section.dtype) != 0) {
      fail(source, place, "a multiple of " + text(dtype_bytes(section.dtype)) + " bytes",
           text(section.bytes));
    }
    return;
  }
  const std::uint64_t most =
      std::min(bertq_text_limit, std::min(bertq_text_limit, section.bytes) * zlib_ratio_limit);
  if (section.unpacked > most) {
    fail(source, place, "at most " + text(most) + " bytes unpacked", text(section.unpacked));
  }
  if (section.unpacked < section.bytes) {
    fail(source, place, "at least its " + text(section.bytes) + " bytes unpacked",
         text(section.unpacked));
  }
}

// Takes the records one after another.
class TableReader {
 public:
  TableReader(const ByteSource& source, std::span<const std::byte> header)
      : source_(source), header_(header) {}

  bool at_end() const { return at_ == header_.size(); }
  std::uint64_t offset() const { return at_; }

  BertqSection next() {
    const auto record = take(bertq_record_bytes, "a record of the table");
    BertqSection section;
    section.offset = load_little_endian<std::uint64_t>(record, 0);
    section.bytes = load_little_endian<std::uint64_t>(record, 8);
    section.unpacked = load_little_endian<std::uint64_t>(record, 16);
    section.crc32c = load_little_endian<std::uint32_t>(record, 24);
    const auto kind = std::to_integer<std::uint8_t>(record[28]);
    const auto reserved = std::to_integer<std::uint8_t>(record[29]);
    const std::uint64_t begin = at_ - bertq_record_bytes;
    if (kind > static_cast<std::uint8_t>(SectionKind::note)) {
      fail(source_, byte(begin + 28), "a kind of section, 0..2", text(kind));
    }
    if (reserved != 0) fail(source_, byte(begin + 29), "0", text(reserved));
    section.kind = static_cast<SectionKind>(kind);
    const auto name_bytes = load_little_endian<std::uint16_t>(record, 30);
    if (name_bytes == 0 || name_bytes > bertq_name_limit) {
      fail(source_, byte(begin + 30), "a name of 1.." + text(bertq_name_limit) + " bytes",
           text(name_bytes));
    }
    const auto name = take(name_bytes, "a name");
    section.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
    const std::string place = "section " + printable(section.name);
    section.dtype = parse_dtype(source_, place, section.kind, record.subspan(32, dtype_characters));
    check_size(source_, place, section);
    if (section.kind != SectionKind::array) texts_ += section.unpacked;
    if (texts_ > bertq_text_limit) {
      fail(source_, place, "at most " + text(bertq_text_limit) + " bytes in all files and notes",
           text(texts_));
    }
    return section;
  }

 private:
  std::span<const std::byte> take(std::uint64_t count, const std::string& what) {
    if (count > header_.size() - at_) {
      fail(source_, byte(at_), what + " of " + text(count) + " bytes",
           text(header_.size() - at_) + ", the header ends");
    }
    const auto part = header_.subspan(at_, static_cast<std::size_t>(count));
    at_ += static_cast<std::size_t>(count);
    return part;
  }

  const ByteSource& source_;
  std::span<const std::byte> header_;
  std::size_t at_ = static_cast<std::size_t>(bertq_prefix_bytes);
  std::uint64_t texts_ = 0;  // bytes unpacked, so far
};

void check_tiling(const ByteSource& source, std::uint64_t header_bytes,
                  const std::vector<BertqSection>& sections) {
  const std::uint64_t hash = source.size() - bertq_hash_bytes;
  std::uint64_t end = header_bytes;
  for (const BertqSection& section : sections) {
    const std::string place = "section " + printable(section.name);
    if (!align_bertq(end) || section.offset != end) {
      const char* why = section.offset % bertq_alignment != 0 ? "misaligned"
                        : section.offset < end                ? "an overlap"
                                                              : "a hole";
      fail(source, place, "to begin at byte " + text(end) + " (" + why + ")", text(section.offset));
    }
    if (__builtin_add_overflow(end, section.bytes, &end) || end > hash) {
      fail(source, place, "at most " + text(hash - section.offset) + " bytes, all that there are",
           text(section.bytes));
    }
  }
  if (!align_bertq(end) || end != hash) {
    fail(source, byte(end), "the hash at the file's end", "it at byte " + text(hash));
  }
}

void refuse_duplicates(const ByteSource& source, const std::vector<BertqSection>& sections) {
  std::set<std::pair<SectionKind, std::string_view>> names;
  for (const BertqSection& section : sections) {
    if (names.emplace(section.kind, section.name).second) continue;
    throw FormatError(source.name() + ": section " + printable(section.name) + ": duplicate name");
  }
}

template <typename T>
void store(std::span<std::byte> bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

}  // namespace

bool align_bertq(std::uint64_t& offset) {
  if (__builtin_add_overflow(offset, bertq_alignment - 1, &offset)) return false;
  offset = offset / bertq_alignment * bertq_alignment;
  return true;
}

bool is_bertq(const ByteSource& source) {
  std::array<std::byte, bertq_magic.size()> bytes{};
  if (source.size() < bytes.size()) return false;
  source.read(0, bytes);
  return std::memcmp(bytes.data(), bertq_magic.data(), bytes.size()) == 0;
}

std::vector<BertqSection> read_bertq_header(const ByteSource& source) {
  const Prefix prefix = read_prefix(source);
  const std::vector<std::byte> header = read_checked_header(source, prefix);
  if (!all_zero(std::span(header).subspan(36, bertq_prefix_bytes - 36))) {
    fail(source, byte(36), "zeros up to byte 64", "something else");
  }
  if (prefix.sections > tensor_limit) {
    fail(source, byte(32), "at most " + text(tensor_limit) + " sections", text(prefix.sections));
  }
  std::vector<BertqSection> sections;
  TableReader table(source, header);
  while (sections.size() < prefix.sections) sections.push_back(table.next());
  if (!table.at_end()) {
    fail(source, byte(table.offset()), "the end of the header", "more");
  }
  check_tiling(source, prefix.header_bytes, sections);
  refuse_duplicates(source, sections);
  return sections;
}

std::uint64_t bertq_header_size(const std::vector<BertqSection>& sections) {
  std::uint64_t bytes = bertq_prefix_bytes;
  for (const BertqSection& section : sections) bytes += bertq_record_bytes + section.name.size();
  return bytes;
}

std::vector<std::byte> bertq_header_bytes(const std::vector<BertqSection>& sections,
                                          std::uint64_t file_bytes) {
  std::vector<std::byte> header(static_cast<std::size_t>(bertq_header_size(sections)));
  std::memcpy(header.data(), bertq_magic.data(), bertq_magic.size());
  store(header, 8, bertq_version);
  store(header, 16, std::uint64_t{header.size()});
  store(header, 24, file_bytes);
  store(header, 32, static_cast<std::uint32_t>(sections.size()));
  std::size_t at = bertq_prefix_bytes;
  for (const BertqSection& section : sections) {
    const std::span<std::byte> record = std::span(header).subspan(at);
    store(record, 0, section.offset);
    store(record, 8, section.bytes);
    store(record, 16, section.unpacked);
    store(record, 24, section.crc32c);
    store(record, 28, section.kind);
    store(record, 30, static_cast<std::uint16_t>(section.name.size()));
    if (section.kind == SectionKind::array) {
      const std::string_view dtype = dtype_name(section.dtype);
      std::memcpy(record.data() + 32, dtype.data(), dtype.size());
    }
    std::memcpy(record.data() + bertq_record_bytes, section.name.data(), section.name.size());
    at += bertq_record_bytes + section.name.size();
  }
  store(header, crc_offset, crc32c(header));
  return header;
}

}  // namespace bertq::loaders
