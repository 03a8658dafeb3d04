// The progress bar, on standard error.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "engine/cli/console.h"

namespace bertq::engine::cli {

// A bar that counts up to `total` and disappears with the object.
class Progress {
 public:
  Progress(const Console& console, std::string label, std::size_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::size_t count);

 private:
  void draw();

  const Console& console_;
  std::string label_;
  std::size_t total_, done_ = 0;
  std::chrono::steady_clock::time_point drawn_;
  bool visible_ = false;
};

// The bar as text, without colour: "label  [####------]  40/100". For Progress and its test.
std::string progress_text(std::string_view label, std::size_t done, std::size_t total);

}  // namespace bertq::engine::cli
