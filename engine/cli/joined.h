// Words with something between them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bertq::engine::cli {

inline std::string joined(std::span<const std::string> words, std::string_view between) {
  std::string text;
  for (const std::string& word : words) {
    if (&word != words.data()) text += between;
    text += word;
  }
  return text;
}

}  // namespace bertq::engine::cli
