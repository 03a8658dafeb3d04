// JSON as a stream of values, each with the keys that lead to it. A header may be 100 MB, so no
// tree of it is built; what it may cost is bounded before it is parsed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bertq::loaders {

enum class JsonKind : std::uint8_t { object, array, string, natural, other };

// A value as it is met. Of an object or an array: its beginning.
struct JsonValue {
  JsonKind kind = JsonKind::other;
  std::string_view text;      // of a string; of `other`: as written ("-3", "1e3", "null")
  std::uint64_t natural = 0;  // an integer in 0..2^64-1, written without sign, point or exponent
};

// For messages: "an object", "the string 'F33'", "-3".
std::string described(const JsonValue& value);

class JsonVisitor {
 public:
  virtual ~JsonVisitor() = default;
  // `path`: the keys from the root to the value. An array's elements have the array's path and
  // `in_array` set. May throw.
  virtual void value(std::span<const std::string> path, bool in_array, const JsonValue& value) = 0;
  // The end of the object or array that began at `path`.
  virtual void end(std::span<const std::string> path) = 0;
};

struct JsonPlace {
  std::string file;          // for messages
  std::uint64_t offset = 0;  // of the text's first byte in the file
};

// No checkpoint's JSON needs more. Strings and numbers are bounded because the parser holds several
// copies of the one it is at.
inline constexpr std::size_t json_depth_limit = 4;
inline constexpr std::size_t json_token_limit = std::size_t{1} << 20U;

struct JsonLimits {
  std::size_t depth = json_depth_limit;  // of objects and arrays
  std::size_t token = json_token_limit;  // bytes of a string or a number
};

// Throws FormatError "<file>: byte <offset>: expected ..., got ..." if `text` is not JSON in UTF-8
// or exceeds the limits. Does not look for duplicate keys: only the visitor knows which names it
// keeps.
void walk_json(std::string_view text, const JsonPlace& place, JsonVisitor& visitor,
               const JsonLimits& limits = {});

}  // namespace bertq::loaders
