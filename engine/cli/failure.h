// How a verb's failure becomes the last line on standard error and the exit code.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "bertq/error.h"
#include "engine/runtime/failure.h"

namespace bertq::engine::cli {

// The reader of the results has gone away (a closed pipe). Not a failure: the program ends with 0.
struct ReaderGone : std::exception {
  const char* what() const noexcept override { return "the reader closed the pipe"; }
};

// The word for a kind of error in messages: "usage", "input", ...
std::string_view error_word(ErrorKind kind);

// "bertq: <word>: <message>\n", always exactly one line: control characters are escaped.
std::string failure_line(const Failure& failure);

}  // namespace bertq::engine::cli
