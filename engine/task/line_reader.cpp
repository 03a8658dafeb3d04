#include "engine/task/line_reader.h"

#include <algorithm>
#include <span>
#include <utility>

#include "bertq/error.h"
#include "engine/task/utf8.h"

namespace bertq::engine {
namespace {

constexpr std::size_t block_bytes = 64 * 1024;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

}  // namespace

bool LineReader::next(std::string_view& line) {
  std::size_t end = buffer_.find('\n', begin_);
  while (end == std::string::npos && offset_ < source_.size() &&
         buffer_.size() - begin_ <= longest_data_line) {
    buffer_.erase(0, std::exchange(begin_, 0));
    const std::size_t searched = buffer_.size();
    read_block();
    end = buffer_.find('\n', searched);
  }
  if (begin_ == buffer_.size()) return false;
  ++number_;
  line = std::string_view(buffer_).substr(begin_, std::min(end, buffer_.size()) - begin_);
  if (line.size() > longest_data_line) {
    refuse("expected at most " + std::to_string(longest_data_line) + " bytes, got more");
  }
  begin_ = std::min(begin_ + line.size() + 1, buffer_.size());
  if (const auto bad = find_invalid_utf8(line)) {
    refuse("expected UTF-8, got an invalid byte at offset " + std::to_string(*bad) +
           " of the line");
  }
  if (number_ == 1 && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  return true;
}

void LineReader::refuse(const std::string& what) const {
  throw Error(ErrorKind::input, source_.name() + ": line " + std::to_string(number_) + ": " + what);
}

void LineReader::read_block() {
  const std::uint64_t rest = source_.size() - offset_;
  const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(rest, block_bytes));
  const std::size_t old = buffer_.size();
  buffer_.resize(old + bytes);
  source_.read(offset_, std::as_writable_bytes(std::span(buffer_).subspan(old)));
  offset_ += bytes;
}

}  // namespace bertq::engine
