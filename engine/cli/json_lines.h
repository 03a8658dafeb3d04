// Lines of JSON from people: each is one object, and one that is not is answered with its error and
// does not end the run.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/cli/json_output.h"
#include "engine/cli/line_source.h"

namespace bertq::engine::cli {

// Why a line cannot be used.
struct BadLine {
  std::string why;
};

// Throws BadLine if the line is not one JSON object, or nested too deep.
Json parse_json_object(LineSource::Next kind, std::string_view line);
// nullptr where the member is absent or null. Throws BadLine if it is no string.
const std::string* string_member(const Json& object, const char* key);
// Throws BadLine if it is absent or null as well.
const std::string& required_string(const Json& object, const char* key);

// Counts the lines that could not be used.
class BadLines {
 public:
  // Remembers the line that was read last, and returns its error: "<file>: line 3: <why>".
  std::string add(const LineSource& lines, const std::string& why);
  // Throws Error (input) with their count and the first of them, if there were any.
  void check_none() const;

 private:
  std::size_t count_ = 0;
  std::string first_;
};

}  // namespace bertq::engine::cli
