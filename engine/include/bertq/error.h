// The one exception type of the engine.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "bertq/export.h"

namespace bertq {

// Numbers are the exit codes of the command line; they never change their meaning.
enum class ErrorKind : std::uint8_t {
  internal = 1,     // a defect of bertq
  usage = 2,        // the caller asked for something that cannot be
  input = 3,        // a file, a text or a weight that cannot be used
  goal_missed = 4,  // the accuracy goal was not met
  isa = 5,          // the instruction set asked for is not available
  regression = 6,   // slower than the baseline
  resources = 7,    // memory, disk or output
};

// One line: "<file>: <tensor | line | offset>: expected X, got Y".
class BERTQ_API Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace bertq
