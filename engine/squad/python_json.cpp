#include "engine/squad/python_json.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

namespace bertq::engine {

std::string python_number(double value) {
  // repr() has an exponent below 1e-4 and from 1e16 on.
  std::array<char, 32> digits{};
  const double size = value < 0 ? -value : value;
  const auto format = size != 0 && (size < 1e-4 || size >= 1e16) ? std::chars_format::scientific
                                                                 : std::chars_format::fixed;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, format).ptr;
  std::string text(digits.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string python_string(std::string_view text) {
  constexpr bool ascii = true;
  return nlohmann::json(text).dump(-1, ' ', ascii);
}

void PythonJson::begin_member() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (closing_.empty()) return;
  if (!first_) text_ += ',';
  first_ = false;
  text_ += '\n' + std::string(4 * closing_.size(), ' ');
}

void PythonJson::open(char bracket) {
  begin_member();
  text_ += bracket;
  closing_ += bracket == '{' ? '}' : ']';
  first_ = true;
}

void PythonJson::close() {
  const char bracket = closing_.back();
  closing_.pop_back();
  if (!first_) text_ += '\n' + std::string(4 * closing_.size(), ' ');
  text_ += bracket;
  first_ = false;
}

void PythonJson::key(std::string_view name) {
  begin_member();
  text_ += python_string(name) + ": ";
  after_key_ = true;
}

void PythonJson::value(std::string_view written) {
  begin_member();
  text_ += written;
}

}  // namespace bertq::engine
