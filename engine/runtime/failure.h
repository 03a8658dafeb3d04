// What went wrong, whoever threw it: the rooms' own exceptions and the standard library's, by kind.
#pragma once

#include <exception>
#include <string>

#include "bertq/error.h"

namespace bertq::engine {

struct Failure {
  ErrorKind kind = ErrorKind::internal;
  std::string message;
};
Failure describe(const std::exception& error);

}  // namespace bertq::engine
