// The journal of a search: each finished trial, on the disk before anybody is told of it.
//
//   "bertq journal 1\n"
//   records: u32 length, u32 sequence, u32 CRC-32C of these 8 bytes, u32 CRC-32C of the payload,
//            payload (length bytes); all little-endian
//
// Record 0 is the identity of the search, all others are its caller's. Only ever appended to. What
// an interrupted write left at the end was never acknowledged: it is dropped, and that is said. A
// record that is wrong anywhere else is an error, and the file is left as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loaders/file_descriptor.h"

namespace bertq::engine {

// What a search's results depend on, by name, in the order in which differences are looked for.
using Identity = std::vector<std::pair<std::string, std::string>>;

// One process at a time holds a journal.
class Journal {
 public:
  static constexpr std::uint64_t longest_file = std::uint64_t{256} << 20U;
  static constexpr std::uint32_t longest_record = 1U << 20U;

  // A new journal. One that is there already goes aside, as "<path>.1", ".2", ...: see notes().
  // Throws Error (resources) if another process holds it, or if it cannot be written.
  static Journal begin(const std::filesystem::path& path, const Identity& identity);
  // The journal that is there, or a new one if there is none. Throws, beside what begin() throws,
  // Error (usage) naming the first fact in which its identity is another, and Error (input) naming
  // record and byte for one that is damaged.
  static Journal resume(const std::filesystem::path& path, const Identity& identity);

  // What was there, without the identity.
  const std::vector<std::string>& records() const { return records_; }
  // For people: what happened to an older journal, what was dropped.
  const std::vector<std::string>& notes() const { return notes_; }

  // Durable when it returns. Throws Error (resources), and then the journal is as it was before.
  void append(std::string_view payload);

 private:
  Journal(std::filesystem::path path, loaders::FileDescriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}
  static Journal open(const std::filesystem::path& path);
  void start(const Identity& identity);
  void write(std::string_view bytes);
  void read(const Identity& identity);
  std::filesystem::path set_aside();

  std::filesystem::path path_;
  loaders::FileDescriptor descriptor_;
  std::uint64_t size_ = 0;
  std::uint32_t next_sequence_ = 0;
  std::vector<std::string> records_, notes_;
};

// What a journal's bytes hold. Exposed for the report and for tests.
struct JournalContent {
  std::vector<std::string> records;  // the identity first
  std::uint64_t valid_bytes = 0;     // what lies behind them is a torn write
};
// Throws Error (input). `name` stands for the file.
JournalContent parse_journal(std::string_view bytes, const std::string& name);

}  // namespace bertq::engine
