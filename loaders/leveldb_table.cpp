#include "loaders/leveldb_table.h"

#include <snappy.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "loaders/checksum.h"
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

std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Where a block lies in the file, without its trailer.
struct Handle {
  std::uint64_t offset = 0, bytes = 0;
  std::uint64_t end() const { return offset + bytes + trailer_bytes; }  // checked by take_handle
};

// One block's entries, in order.
class Entries {
 public:
  Entries(Bytes block, std::string place) : place_(std::move(place)), block_(block) {
    if (block.size() < 2 * word_bytes) fail(0, "at least one restart", "the block's end");
    const std::uint64_t count = number_at<std::uint32_t>(block, block.size() - word_bytes);
    const std::uint64_t most = block.size() / word_bytes - 1;
    if (count == 0 || count > most) {
      fail(block.size() - word_bytes, "1 to " + text(most) + " restarts", text(count));
    }
    restarts_ = block.last((static_cast<std::size_t>(count) + 1) * word_bytes);
    entries_bytes_ = block.size() - restarts_.size();
    restarts_ = restarts_.first(restarts_.size() - word_bytes);
    if (number_at<std::uint32_t>(restarts_, 0) != 0) {
      fail(entries_bytes_, "a first restart of 0", text(number_at<std::uint32_t>(restarts_, 0)));
    }
  }

  // Goes to the next entry, at first to the first. False behind the last.
  bool next() {
    if (at_ == entries_bytes_) return end_of_restarts();
    Bytes rest = block_.subspan(at_, entries_bytes_ - at_);
    const std::uint64_t shared = take_length(rest);
    const std::uint64_t unshared = take_length(rest);
    const std::uint64_t value = take_length(rest);
    if (shared > key_.size()) {
      fail(at_, "at most the " + text(key_.size()) + " bytes of the key before as shared",
           text(shared));
    }
    if (take_restart() && shared != 0) fail(at_, "nothing shared at a restart", text(shared));
    if (unshared > rest.size() || value > rest.size() - unshared) {
      fail(at_, "a key and a value within the " + text(rest.size()) + " bytes left",
           text(unshared) + " and " + text(value) + " bytes");
    }
    if (shared + unshared > table_key_limit) {
      fail(at_, "a key of at most " + text(table_key_limit) + " bytes", text(shared + unshared));
    }
    set_key(static_cast<std::size_t>(shared),
            as_text(rest.first(static_cast<std::size_t>(unshared))));
    value_ = rest.subspan(static_cast<std::size_t>(unshared), static_cast<std::size_t>(value));
    at_ = entries_bytes_ - (rest.size() - static_cast<std::size_t>(unshared + value));
    return true;
  }

  const std::string& key() const { return key_; }
  Bytes value() const { return value_; }

  [[noreturn]] void fail(std::size_t at, const std::string& expected,
                         const std::string& got) const {
    throw FormatError(place_ + ": byte " + text(at) + ": expected " + expected + ", got " + got);
  }

 private:
  std::uint64_t take_length(Bytes& rest) const {
    const auto length = take_varint(rest);
    if (!length) fail(at_, "three lengths as varints", "none that is one");
    return *length;
  }

  // Whether the entry at at_ is a restart. Restarts ascend and each is where an entry begins.
  bool take_restart() {
    if (next_restart_ * word_bytes == restarts_.size()) return false;
    const auto restart = number_at<std::uint32_t>(restarts_, next_restart_ * word_bytes);
    if (restart > at_) return false;
    if (restart < at_) refuse_restart(restart);
    ++next_restart_;
    return true;
  }

  bool end_of_restarts() const {
    const bool empty = entries_bytes_ == 0 && restarts_.size() == word_bytes;
    if (!empty && next_restart_ * word_bytes < restarts_.size()) {
      refuse_restart(number_at<std::uint32_t>(restarts_, next_restart_ * word_bytes));
    }
    return false;
  }

  [[noreturn]] void refuse_restart(std::uint32_t restart) const {
    fail(entries_bytes_ + next_restart_ * word_bytes, "a restart where an entry begins",
         text(restart));
  }

  void set_key(std::size_t shared, std::string_view tail) {
    const bool ascends = at_ == 0 || tail > std::string_view(key_).substr(shared);
    key_.resize(shared);
    key_ += tail;
    if (!ascends) fail(at_, "a key above the one before", printable(key_));
  }

  std::string place_;
  Bytes block_;
  Bytes restarts_;  // without their count
  std::size_t entries_bytes_ = 0;
  std::size_t at_ = 0;  // of the next entry
  std::size_t next_restart_ = 0;
  std::string key_;
  Bytes value_;
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
    Entries index(block, source_.name() + ": " + place);
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
    Entries entries(block, source_.name() + ": " + place_of(handle, "block"));
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
