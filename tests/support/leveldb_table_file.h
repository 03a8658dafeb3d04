// The bytes of LevelDB tables, good ones and others, written without bertq's own reader.
#pragma once

#include <snappy.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bertq::testing {

inline std::string varint_bytes(std::uint64_t value) {
  std::string bytes;
  for (; value > 0x7fU; value >>= 7U) bytes += static_cast<char>((value & 0x7fU) | 0x80U);
  return bytes + static_cast<char>(value);
}

inline std::string word_bytes(std::uint32_t value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

// Bit by bit, as RFC 3720 has it, and masked as LevelDB does.
inline std::uint32_t masked_crc32c_of(std::string_view bytes) {
  std::uint32_t crc = 0xffffffffU;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
  }
  crc ^= 0xffffffffU;
  return ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U;
}

using TableEntries = std::map<std::string, std::string>;

// An entry of a block; good ones have the lengths that they say.
inline std::string table_entry(std::uint64_t shared, std::string_view tail,
                               std::string_view value) {
  return varint_bytes(shared) + varint_bytes(tail.size()) +
         varint_bytes(value.size()).append(tail).append(value);
}

// Entries and, behind them, where the restarts are.
inline std::string table_block(std::string_view entries,
                               const std::vector<std::uint32_t>& restarts) {
  std::string block(entries);
  for (const std::uint32_t restart : restarts) block += word_bytes(restart);
  return block + word_bytes(static_cast<std::uint32_t>(restarts.size()));
}

// Every `interval`-th entry is a restart, the others share what they can with the one before.
inline std::string table_block(const TableEntries& entries, std::size_t interval) {
  std::string bytes, before;
  std::vector<std::uint32_t> restarts;
  std::size_t index = 0;
  for (const auto& [key, value] : entries) {
    std::size_t shared = 0;
    if (index++ % interval == 0) {
      restarts.push_back(static_cast<std::uint32_t>(bytes.size()));
    } else {
      while (shared < before.size() && shared < key.size() && before[shared] == key[shared]) {
        ++shared;
      }
    }
    bytes += table_entry(shared, std::string_view(key).substr(shared), value);
    before = key;
  }
  if (restarts.empty()) restarts.push_back(0);
  return table_block(bytes, restarts);
}

struct TableHandle {
  std::uint64_t offset = 0, bytes = 0;
  std::string encoded() const { return varint_bytes(offset) + varint_bytes(bytes); }
};

// A table block by block, whatever they hold.
class TableFile {
 public:
  // Adds a block as it is, with its compression and its checksum behind it.
  TableHandle add_raw(std::string_view stored, char compression) {
    const TableHandle handle{bytes_.size(), stored.size()};
    const std::string sealed = std::string(stored) + compression;
    bytes_ += sealed + word_bytes(masked_crc32c_of(sealed));
    return handle;
  }
  TableHandle add(const std::string& block, bool compressed = false) {
    if (!compressed) return add_raw(block, '\0');
    std::string packed;
    snappy::Compress(block.data(), block.size(), &packed);
    return add_raw(packed, '\1');
  }
  std::string finish(const TableHandle& metaindex, const TableHandle& index) const {
    std::string footer = metaindex.encoded() + index.encoded();
    footer.resize(40, '\0');
    return bytes_ + footer + magic();
  }
  // With an empty metaindex, and an index that is `index`.
  std::string finish(const std::string& index) {
    const TableHandle metaindex = add(table_block("", {0}));
    const TableHandle handle = add(index);
    return finish(metaindex, handle);
  }
  // With an index of one data block.
  std::string finish(const std::string& last_key, const TableHandle& data) {
    return finish(table_block(TableEntries{{last_key, data.encoded()}}, 1));
  }
  const std::string& bytes() const { return bytes_; }

  static std::string magic() { return "\x57\xfb\x80\x8b\x24\x75\x47\xdb"; }

 private:
  std::string bytes_;
};

struct TableForm {
  std::size_t entries_per_block = 1'000;
  std::size_t interval = 16;
  bool compressed = false;
};

// A good table.
inline std::string table_bytes(const TableEntries& entries, const TableForm& form = {}) {
  TableFile file;
  TableEntries index, part;
  const auto flush = [&] {
    if (part.empty()) return;
    index[part.rbegin()->first] =
        file.add(table_block(part, form.interval), form.compressed).encoded();
    part.clear();
  };
  for (const auto& entry : entries) {
    part.insert(entry);
    if (part.size() == form.entries_per_block) flush();
  }
  flush();
  return file.finish(table_block(index, 1));
}

}  // namespace bertq::testing
