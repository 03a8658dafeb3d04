// What is for people and not a result: notes on standard error.
#pragma once

#include <string_view>

namespace bertq::engine::cli {

// How much to say: BERTQ_LOG's values. `debug` also names generated code for profilers.
enum class LogLevel { error, info, debug };

class Console {
 public:
  // A progress bar is drawn on a terminal only, and never below `info`.
  explicit Console(LogLevel level);

  // One line: "label    text".
  void note(std::string_view label, std::string_view text) const;
  LogLevel level() const { return level_; }
  bool shows_progress() const { return progress_; }
  bool coloured() const { return coloured_; }

 private:
  LogLevel level_;
  bool progress_, coloured_;
};

// Writes to standard error as it is. Nothing depends on it arriving.
void write_to_stderr(std::string_view text);

}  // namespace bertq::engine::cli
