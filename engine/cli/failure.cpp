#include "engine/cli/failure.h"

#include <fmt/format.h>

#include <array>
#include <new>
#include <system_error>

#include "jit/isa.h"
#include "loaders/byte_source.h"
#include "tokenizer/tokenizer.h"

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

Failure describe(const std::exception& error) {
  const auto is = [&]<typename Type>(const Type*) { return dynamic_cast<const Type*>(&error); };
  if (const auto* own = is(static_cast<const Error*>(nullptr))) return {own->kind(), own->what()};
  if (is(static_cast<const loaders::FormatError*>(nullptr)) ||
      is(static_cast<const tokenizer::TokenizerError*>(nullptr))) {
    return {ErrorKind::input, error.what()};
  }
  if (is(static_cast<const jit::IsaUnavailable*>(nullptr))) return {ErrorKind::isa, error.what()};
  if (is(static_cast<const std::bad_alloc*>(nullptr))) {
    return {ErrorKind::resources, "not enough memory"};
  }
  if (is(static_cast<const std::system_error*>(nullptr))) {
    return {ErrorKind::resources, error.what()};
  }
  return {ErrorKind::internal, error.what()};
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
