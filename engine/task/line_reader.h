// The lines of a task's file, one at a time, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "loaders/byte_source.h"

namespace bertq::engine {

inline constexpr std::size_t longest_data_line = 1'000'000;  // bytes

// Lines end at "\n" only: other characters that some readers take for line ends, such as a lone
// carriage return or U+2028, stand inside of published rows. A byte order mark before the first
// line is left out. Not thread-safe.
class LineReader {
 public:
  // The source outlives the reader.
  explicit LineReader(const loaders::ByteSource& source) : source_(source) {}

  // False at the end. The line, without its "\n", holds until the next call. Throws Error (input)
  // for one that is too long or not UTF-8.
  bool next(std::string_view& line);

  // Throws Error (input): "<file>: line <number of the last line>: <what>".
  [[noreturn]] void refuse(const std::string& what) const;

 private:
  void read_block();

  const loaders::ByteSource& source_;
  std::string buffer_;
  std::uint64_t offset_ = 0;
  std::size_t begin_ = 0, number_ = 0;
};

}  // namespace bertq::engine
