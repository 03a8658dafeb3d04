// What stands at every door of the library: nothing but Error gets out.
#pragma once

#include <exception>
#include <memory>

#include "bertq/error.h"

namespace bertq {

// The exception as an Error, whoever threw it.
Error as_error(const std::exception& error);
// The same of a stored one; null stays null.
std::exception_ptr as_error(const std::exception_ptr& error);

template <typename Function>
decltype(auto) guarded(Function&& function) {
  try {
    return function();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw as_error(error);
  }
}

// What a handle stands for. Throws Error (usage) if it was moved from.
template <typename Pointer>
auto& of_handle(const Pointer& pointer, const char* what) {
  if (!pointer) {
    throw Error(ErrorKind::usage, std::string("expected a ") + what + ", got one moved from");
  }
  return *pointer;
}

// How often this process is the child of a fork since it was first asked: what has threads or locks
// from before is of no use after it.
unsigned forks() noexcept;

}  // namespace bertq
