#include "engine/cli/line_source.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "bertq/error.h"

namespace bertq::engine::cli {
namespace {

constexpr std::size_t block_bytes = 64 * 1024;

}  // namespace

LineSource::LineSource(const std::string& path) : descriptor_(STDIN_FILENO), name_(path) {
  if (path.empty() || path == "-") {
    name_ = "standard input";
    return;
  }
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) {
    throw Error(ErrorKind::input, path + ": " + std::generic_category().message(errno));
  }
}

LineSource::~LineSource() {
  if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
}

LineSource::Next LineSource::next(std::string_view& line) {
  bool too_long = false;
  bool more = true;
  std::size_t end = buffer_.find('\n', searched_);
  while (end == std::string::npos && more) {
    searched_ = buffer_.size();
    if (searched_ - begin_ > longest_line) {
      too_long = true;
      begin_ = searched_;
    }
    more = fill();
    end = buffer_.find('\n', searched_);
  }
  if (end == std::string::npos && begin_ == buffer_.size() && !too_long) return Next::end;
  line = std::string_view(buffer_).substr(begin_, std::min(end, buffer_.size()) - begin_);
  begin_ = searched_ = end == std::string::npos ? buffer_.size() : end + 1;
  ++number_;
  return too_long || line.size() > longest_line ? Next::too_long : Next::line;
}

bool LineSource::ready() {
  while (!ended_) {
    if (buffer_.find('\n', searched_) != std::string::npos) return true;
    searched_ = buffer_.size();
    if (searched_ - begin_ > longest_line) return true;
    pollfd waiting{descriptor_, POLLIN, 0};
    if (::poll(&waiting, 1, 0) <= 0) return false;
    fill();
  }
  return true;
}

bool LineSource::fill() {
  if (ended_) return false;
  buffer_.erase(0, begin_);
  searched_ -= std::exchange(begin_, 0);
  const std::size_t old = buffer_.size();
  buffer_.resize(old + block_bytes);
  ssize_t count = -1;
  do {
    count = ::read(descriptor_, buffer_.data() + old, block_bytes);
  } while (count < 0 && errno == EINTR);
  const int error = errno;
  buffer_.resize(old + static_cast<std::size_t>(count > 0 ? count : 0));
  if (count < 0) {
    throw Error(ErrorKind::input, name_ + ": " + std::generic_category().message(error));
  }
  ended_ = count == 0;
  return !ended_;
}

}  // namespace bertq::engine::cli
