#include "loaders/leveldb_table.h"

#include <snappy.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "loaders/checksum.h"
#include "loaders/leveldb_block.h"
#include "loaders/printable.h"
#include "loaders/varint.h"

namespace bertq::loaders {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint64_t footer_bytes = 48;
constexpr std::size_t magic_at = 40;
constexpr std::uint64_t magic = 0xdb4775248b80fb57U;
constexpr std::uint64_t trailer_bytes = 5;  // compression and CRC
constexpr std::size_t word_bytes = 4;
enum Compression : std::uint8_t { stored = 0, snappy_compressed = 1 };

std::string text(std::uint64_t number) {
  return std::to_string(number);
}

template <typename T>
T number_at(Bytes bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// Where a block lies in the file, without its trailer.
struct Handle {
  std::uint64_t offset = 0, bytes = 0;
  std::uint64_t end() const { return offset + bytes + trailer_bytes; }  // checked by take_handle
};

class Table {
 public:
  explicit Table(const ByteSource& source) : source_(source) {
    if (source.size() < footer_bytes) {
      fail("expected at least " + text(footer_bytes) + " bytes, the footer of a table, got " +
           text(source.size()));
    }
    blocks_end_ = source.size() - footer_bytes;
  }

  void walk(const TableVisitor& visit) const {
    std::array<std::byte, footer_bytes> footer{};
    source_.read(blocks_end_, footer);
    if (const auto got = number_at<std::uint64_t>(footer, magic_at); got != magic) {
      fail("byte " + text(blocks_end_ + magic_at) + ": expected the magic number of a table, got " +
           text(got));
    }
    Bytes handles = Bytes(footer).first(magic_at);
    const std::string place = "footer";
    const Handle metaindex = take_handle(handles, place + ": metaindex");
    const Handle index = take_handle(handles, place + ": index");
    if (std::any_of(handles.begin(), handles.end(), [](std::byte b) { return b != std::byte{}; })) {
      fail(place + ": expected zeros between the index and the magic number, got other bytes");
    }
    read_block(metaindex, "metaindex block");
    walk_index(index, visit);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError(source_.name() + ": " + what);
  }

  Handle take_handle(Bytes& bytes, const std::string& place) const {
    const auto offset = take_varint(bytes);
    const auto size = offset ? take_varint(bytes) : std::nullopt;
    if (!size) fail(place + ": expected offset and size as varints, got other bytes");
    std::uint64_t end = 0;
    if (__builtin_add_overflow(*offset, *size, &end) ||
        __builtin_add_overflow(end, trailer_bytes, &end) || end > blocks_end_) {
      fail(place + ": expected a block within the first " + text(blocks_end_) + " bytes, got " +
           text(*size) + " bytes at " + text(*offset));
    }
    return {*offset, *size};
  }

  static std::string place_of(const Handle& handle, const std::string& what) {
    return what + " at byte " + text(handle.offset);
  }

  std::vector<std::byte> read_block(const Handle& handle, const std::string& what) const {
    const std::string place = place_of(handle, what);
    if (handle.bytes > table_block_limit) {
      fail(place + ": expected at most " + text(table_block_limit) + " bytes, got " +
           text(handle.bytes));
    }
    std::vector<std::byte> block(static_cast<std::size_t>(handle.bytes + trailer_bytes));
    source_.read(handle.offset, block);
    const auto expected = number_at<std::uint32_t>(block, block.size() - word_bytes);
    block.resize(block.size() - word_bytes);
    if (const std::uint32_t got = masked(crc32c(block)); got != expected) {
      fail(place + ": expected the checksum " + text(expected) + ", got " + text(got) +
           ": the file is damaged");
    }
    const auto compression = std::to_integer<std::uint8_t>(block.back());
    block.pop_back();
    if (compression == stored) return block;
    if (compression == snappy_compressed) return uncompressed(block, place);
    fail(place + ": expected no compression (0) or snappy (1), got " + text(compression));
  }

  // The length that snappy data claim of themselves is believed only where they can hold it: an
  // element of three bytes makes at most 64.
  std::vector<std::byte> uncompressed(Bytes block, const std::string& place) const {
    constexpr std::uint64_t greatest_ratio = 22;
    const char* const data = reinterpret_cast<const char*>(block.data());
    std::size_t bytes = 0;
    if (!snappy::GetUncompressedLength(data, block.size(), &bytes)) {
      fail(place + ": expected snappy data, got none");
    }
    const std::uint64_t most =
        std::min<std::uint64_t>(table_block_limit, block.size() * greatest_ratio);
    if (bytes > most) {
      fail(place + ": expected snappy data of at most " + text(most) + " bytes, got " +
           text(bytes));
    }
    std::vector<std::byte> result(bytes);
    if (!snappy::RawUncompress(data, block.size(), reinterpret_cast<char*>(result.data()))) {
      fail(place + ": expected snappy data of " + text(bytes) + " bytes, got others");
    }
    return result;
  }

  void walk_index(const Handle& handle, const TableVisitor& visit) const {
    const std::vector<std::byte> block = read_block(handle, "index block");
    const std::string place = place_of(handle, "index block");
    TableEntries index(block, source_.name() + ": " + place);
    std::uint64_t end = 0;  // of the blocks before
    std::string separator;  // the key of the block before
    while (index.next()) {
      Bytes value = index.value();
      const Handle data = take_handle(value, place + ": key " + printable(index.key()));
      if (!value.empty() || data.offset < end) {
        fail(place + ": key " + printable(index.key()) + ": expected a block from byte " +
             text(end) + " on, got one at " + text(data.offset) +
             (value.empty() ? "" : " and more bytes"));
      }
      walk_data(data, end == 0 ? nullptr : &separator, index.key(), visit);
      end = data.end();
      separator = index.key();
    }
  }

  // All keys lie above `above`, where there is one, and not above `last`.
  void walk_data(const Handle& handle, const std::string* above, const std::string& last,
                 const TableVisitor& visit) const {
    const std::vector<std::byte> block = read_block(handle, "block");
    TableEntries entries(block, source_.name() + ": " + place_of(handle, "block"));
    bool first = true;
    while (entries.next()) {
      if (first && above != nullptr && entries.key() <= *above) {
        entries.fail(0, "a key above " + printable(*above), printable(entries.key()));
      }
      first = false;
      visit(entries.key(), entries.value());
    }
    if (entries.key() > last) {
      entries.fail(0, "no key above " + printable(last), printable(entries.key()));
    }
  }

  const ByteSource& source_;
  std::uint64_t blocks_end_ = 0;
};

}  // namespace

void walk_table(const ByteSource& source, const TableVisitor& visit) {
  Table(source).walk(visit);
}

}  // namespace bertq::loaders
