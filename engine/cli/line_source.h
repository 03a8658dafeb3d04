// Lines of a file or of standard input, as they arrive.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bertq::engine::cli {

inline constexpr std::size_t longest_line = 16 << 20;  // bytes

// Lines end at "\n" only. Not thread-safe. Throws Error (input) if reading fails.
class LineSource {
 public:
  // An empty path or "-": standard input.
  explicit LineSource(const std::string& path);
  ~LineSource();
  LineSource(const LineSource&) = delete;
  LineSource& operator=(const LineSource&) = delete;

  enum class Next { line, too_long, end };
  // Waits for the next line, which holds until the next call. One longer than `longest_line` is
  // skipped and reported instead.
  Next next(std::string_view& line);
  // Whether next() would return without waiting. Ends the last line's hold.
  bool ready();

  const std::string& name() const { return name_; }
  std::size_t line_number() const { return number_; }  // of the last line, from 1

 private:
  bool fill();  // reads a block; false at the end

  int descriptor_;
  std::string name_;
  std::string buffer_;
  std::size_t begin_ = 0;     // where in the buffer the next line begins
  std::size_t searched_ = 0;  // up to here there is no more "\n" after begin_
  std::size_t number_ = 0;
  bool ended_ = false;
};

}  // namespace bertq::engine::cli
