// JSON to the letter as Python's json.dumps(value, indent=4) writes it, so that a file made here
// and one made by the field's scripts can be compared byte by byte.
#pragma once

#include <string>
#include <string_view>

namespace bertq::engine {

// The shortest digits that mean this double, in Python's choice of point and exponent: "1.0",
// "1e-05", "12345678901234567.0" being "1.2345678901234568e+16". `value` is finite.
std::string python_number(double value);

// In quotes, ASCII only. `text` must be UTF-8.
std::string python_string(std::string_view text);

// Writes nested objects and arrays, each member on a line of its own.
class PythonJson {
 public:
  void open(char bracket);  // '{' or '['
  void close();
  void key(std::string_view name);
  // A finished value: of python_number() or python_string().
  void value(std::string_view written);

  // All that was written, and a newline.
  std::string finish() { return text_ + '\n'; }

 private:
  void begin_member();

  std::string text_;
  std::string closing_;  // the brackets to come, the innermost last
  bool first_ = true;    // of its object or array
  bool after_key_ = false;
};

}  // namespace bertq::engine
