#include "engine/cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bertq::engine::cli {
namespace {

constexpr std::size_t bar_width = 30;
constexpr auto redraw_every = std::chrono::milliseconds(100);

}  // namespace

std::string progress_text(std::string_view label, std::size_t done, std::size_t total) {
  const std::size_t full = total == 0 ? bar_width : std::min(done, total) * bar_width / total;
  return fmt::format("{:<8}[{:#<{}}{:-<{}}]  {}/{}", label, "", full, "", bar_width - full, done,
                     total);
}

Progress::Progress(const Console& console, std::string label, std::size_t total)
    : console_(console), label_(std::move(label)), total_(total) {
  if (console_.shows_progress()) draw();
}

Progress::~Progress() {
  if (visible_) write_to_stderr("\r\x1b[K");
}

void Progress::advance(std::size_t count) {
  done_ += count;
  if (!console_.shows_progress()) return;
  if (std::chrono::steady_clock::now() - drawn_ >= redraw_every) draw();
}

void Progress::draw() {
  const char* const colour = console_.coloured() ? "\x1b[36m" : "";
  const char* const plain = console_.coloured() ? "\x1b[0m" : "";
  write_to_stderr(
      fmt::format("\r\x1b[K{}{}{}", colour, progress_text(label_, done_, total_), plain));
  drawn_ = std::chrono::steady_clock::now();
  visible_ = true;
}

}  // namespace bertq::engine::cli
