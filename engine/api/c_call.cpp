#include "engine/api/c_call.h"

#include "engine/runtime/failure.h"

namespace bertq::engine::c_api {
namespace {

struct LastError {
  std::string text;
  const char* shown = "";  // text.c_str(), or a literal where there is no memory for text
};

LastError& last_error() noexcept {
  thread_local LastError error;
  return error;
}

bertq_status report(bertq_status status, const char* message) noexcept {
  LastError& error = last_error();
  try {
    error.text = message;
    error.shown = error.text.c_str();
  } catch (...) {
    error.shown = "not enough memory to say what went wrong";
  }
  return status;
}

bertq_status report(const std::exception& thrown) noexcept {
  try {
    const Failure failure = describe(thrown);
    return report(static_cast<bertq_status>(failure.kind), failure.message.c_str());
  } catch (...) {
    return report(BERTQ_RESOURCES, "not enough memory");
  }
}

}  // namespace

void forget_error() noexcept {
  last_error().shown = "";
}

bertq_status report_exception() noexcept {
  try {
    throw;
  } catch (const StatusError& error) {
    return report(error.status(), error.what());
  } catch (const std::exception& error) {
    return report(error);
  } catch (...) {
    return report(BERTQ_INTERNAL, "an exception of no known type");
  }
}

}  // namespace bertq::engine::c_api

const char* bertq_last_error() {
  return bertq::engine::c_api::last_error().shown;
}

uint32_t bertq_abi_version() {
  return BERTQ_ABI_VERSION;
}

#define BERTQ_TEXT_OF(number) #number
#define BERTQ_DOTTED(a, b, c) BERTQ_TEXT_OF(a) "." BERTQ_TEXT_OF(b) "." BERTQ_TEXT_OF(c)
const char* bertq_version() {
  return BERTQ_DOTTED(BERTQ_VERSION_MAJOR, BERTQ_VERSION_MINOR, BERTQ_VERSION_PATCH);
}
