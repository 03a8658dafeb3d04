// The entries of one block of a LevelDB table (leveldb_table.h), and their lengths, keys and
// restarts checked against each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "loaders/byte_source.h"

namespace bertq::loaders {

// Goes over a block's entries in order. All throw FormatError, beginning with `place` and naming
// the byte of the block, where they cannot be what they say.
class TableEntries {
 public:
  // `block` uncompressed; it must outlive the object.
  TableEntries(std::span<const std::byte> block, std::string place);

  // Goes to the next entry, at first to the first. False behind the last.
  bool next();
  const std::string& key() const { return key_; }
  std::span<const std::byte> value() const { return value_; }

  [[noreturn]] void fail(std::size_t at, const std::string& expected, const std::string& got) const;

 private:
  std::uint64_t take_length(std::span<const std::byte>& rest) const;
  std::uint32_t restart(std::size_t index) const;
  bool take_restart();
  bool end_of_restarts() const;
  [[noreturn]] void refuse_restart() const;
  void set_key(std::size_t shared, std::string_view tail);

  std::string place_;
  std::span<const std::byte> block_;
  std::size_t restarts_ = 0;       // how many
  std::size_t entries_bytes_ = 0;  // behind them are the restarts
  std::size_t at_ = 0;             // of the next entry
  std::size_t next_restart_ = 0;
  std::string key_;
  std::span<const std::byte> value_;
};

}  // namespace bertq::loaders
