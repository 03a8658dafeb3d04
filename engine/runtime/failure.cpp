#include "engine/runtime/failure.h"

#include <new>
#include <system_error>

#include "jit/isa.h"
#include "loaders/byte_source.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine {

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

}  // namespace bertq::engine
