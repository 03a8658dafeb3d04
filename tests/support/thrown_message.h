// What a call complains of, for tables of bad inputs.
#pragma once

#include <exception>
#include <string>
#include <typeinfo>

namespace bertq::testing {

// The message of the `Expected` that `call` throws; otherwise a text that no message equals.
template <typename Expected, typename Call>
std::string thrown_message(Call&& call) {
  try {
    call();
  } catch (const Expected& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("(another exception) ") + typeid(error).name() + ": " + error.what();
  }
  return "(nothing thrown)";
}

}  // namespace bertq::testing
