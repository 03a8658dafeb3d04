#include "engine/cli/failure.h"

#include <fmt/format.h>

#include <array>

namespace bertq::engine::cli {
namespace {

// Messages quote files and arguments; more than this helps nobody.
constexpr std::size_t longest_message = 2000;

}  // namespace

std::string_view error_word(ErrorKind kind) {
  constexpr std::array<std::string_view, 8> words = {"",     "internal", "usage",      "input",
                                                     "goal", "isa",      "regression", "resources"};
  return words.at(static_cast<std::size_t>(kind));
}

std::string failure_line(const Failure& failure) {
  std::string line = fmt::format("bertq: {}: ", error_word(failure.kind));
  for (const char c : std::string_view(failure.message).substr(0, longest_message)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      line += fmt::format("\\x{:02X}", byte);
    } else {
      line += c;
    }
  }
  if (failure.message.size() > longest_message) line += "...";
  return line + '\n';
}

}  // namespace bertq::engine::cli
