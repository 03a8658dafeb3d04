#include "engine/api/c_arguments.h"

#include <functional>

#include "engine/api/c_call.h"

namespace bertq::engine::c_api {
namespace {

constexpr std::size_t most_bytes = PTRDIFF_MAX;  // of anything in memory

std::string_view checked_text(const char* text, std::size_t length, const std::string& name) {
  if (length > most_bytes)
    refuse(name.c_str(), "a length that cannot be: " + std::to_string(length));
  return {text, length};
}

// How many tokens count: the ones before the zeros.
std::size_t masked_length(std::span<const std::int32_t> mask, const std::string& name) {
  std::size_t ones = 0;
  for (std::size_t i = 0; i != mask.size(); ++i) {
    if (mask[i] != 0 && mask[i] != 1) {
      throw Error(ErrorKind::input, name + ": mask, position " + std::to_string(i) +
                                        ": expected 0 or 1, got " + std::to_string(mask[i]));
    }
    if (mask[i] == 1 && ones != i) {
      throw Error(ErrorKind::input, name + ": mask, position " + std::to_string(i) +
                                        ": expected zeros after the first, got 1");
    }
    ones += static_cast<std::size_t>(mask[i]);
  }
  if (ones == 0) {
    throw Error(ErrorKind::input, name + ": mask: expected ones, then zeros, got no ones");
  }
  return ones;
}

Input checked_ids(const bertq_input& input, std::size_t max_tokens, const std::string& name) {
  if (input.length == 0 || input.length > max_tokens) {
    throw Error(ErrorKind::input, name + ": expected 1 to " + std::to_string(max_tokens) +
                                      " token ids, got " + std::to_string(input.length));
  }
  std::size_t length = input.length;
  if (input.mask != nullptr) length = masked_length({input.mask, length}, name);
  std::span<const std::int32_t> segments;
  if (input.segments != nullptr) segments = {input.segments, length};
  return Input::tokens({input.ids, length}, segments);
}

}  // namespace

void refuse(const char* name, const std::string& what) {
  throw Error(ErrorKind::usage, std::string(name) + ": " + what);
}

void refuse_short_buffer() {
  throw StatusError(BERTQ_SHORT_BUFFER,
                    "the buffer is too short; its count is how long it has to be");
}

void check_size(std::uint32_t size, std::size_t expected, const char* name) {
  if (size != expected) {
    refuse(name,
           "expected a size of " + std::to_string(expected) + ", got " + std::to_string(size));
  }
}

void check_apart(const void* values, std::size_t capacity, std::size_t element, const void* other,
                 std::size_t other_bytes, const char* name) {
  if (capacity > most_bytes / element) {
    refuse(name, "a capacity that cannot be: " + std::to_string(capacity));
  }
  if (values == nullptr || other == nullptr) return;
  const auto begin = reinterpret_cast<std::uintptr_t>(values);
  const auto other_begin = reinterpret_cast<std::uintptr_t>(other);
  if (begin < other_begin + other_bytes && other_begin < begin + capacity * element) {
    refuse(name, "another result has the same place");
  }
}

std::optional<bool> choice(std::int32_t value, const char* name) {
  if (value == BERTQ_DEFAULT) return std::nullopt;
  if (value == BERTQ_YES || value == BERTQ_NO) return value == BERTQ_YES;
  refuse(name, "expected BERTQ_DEFAULT, BERTQ_YES or BERTQ_NO, got " + std::to_string(value));
}

EmbeddingOptions embedding_options(std::int32_t pooling, std::int32_t normalize) {
  EmbeddingOptions options;
  if (pooling == BERTQ_MEAN) {
    options.pooling = Pooling::mean;
  } else if (pooling == BERTQ_CLS) {
    options.pooling = Pooling::cls;
  } else if (pooling != 0) {
    refuse("pooling", "expected 0, BERTQ_MEAN or BERTQ_CLS, got " + std::to_string(pooling));
  }
  options.normalize = choice(normalize, "normalize");
  return options;
}

Input checked_input(const bertq_input* input, std::size_t max_tokens, const std::string& name) {
  const bertq_input& given = not_null(input, name.c_str());
  check_size(given.size, sizeof given, name.c_str());
  const bool has_text = given.text != nullptr, has_ids = given.ids != nullptr;
  if (has_text == has_ids) {
    refuse(name.c_str(),
           has_text ? "expected text or ids, got both" : "expected text or ids, got NULL");
  }
  if (has_ids) {
    if (given.pair != nullptr) refuse(name.c_str(), "expected no pair beside ids, got one");
    return checked_ids(given, max_tokens, name);
  }
  if (given.segments != nullptr || given.mask != nullptr) {
    refuse(name.c_str(), "expected no segments and no mask beside text, got some");
  }
  const auto text = checked_text(given.text, given.text_length, name);
  if (given.pair == nullptr) return {text};
  return {text, checked_text(given.pair, given.pair_length, name)};
}

}  // namespace bertq::engine::c_api
