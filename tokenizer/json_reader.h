// JSON from files that nobody vouches for: bounded, no key twice, and every complaint names the
// file and the key.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bertq::tokenizer {

// Whether `value` is an integer in [least, most], written without fraction or exponent.
bool is_integer_within(const nlohmann::json& value, std::int64_t least, std::int64_t most);

// A value and its place, for messages: "vocab/tokenizer.json: model.type".
class JsonValue {
 public:
  JsonValue(const nlohmann::json& value, std::string place)
      : value_(&value), place_(std::move(place)) {}

  const std::string& place() const { return place_; }

  // The member `key`; find() is empty where it is absent or null, at() throws then. Both throw if
  // this is no object.
  std::optional<JsonValue> find(std::string_view key) const;
  JsonValue at(std::string_view key) const;
  std::vector<JsonValue> elements() const;  // of an array
  std::vector<std::string> keys() const;    // of an object

  bool as_bool() const;
  std::string as_string() const;
  std::int64_t as_integer(std::int64_t least, std::int64_t most) const;
  bool is_string() const { return value_->is_string(); }

  // Throws TokenizerError: "<place>: expected <expected>, got <this value>".
  [[noreturn]] void refuse(std::string_view expected) const;

  bool operator==(const nlohmann::json& other) const { return *value_ == other; }

 private:
  const nlohmann::json* value_;
  std::string place_;
};

// Where a member lies: the keys that lead to it.
using JsonPath = std::vector<std::string>;

// Takes the members of one object as they are parsed, instead of the document: a vocabulary has
// hundreds of thousands.
struct MemberSink {
  JsonPath object;
  std::function<void(const std::string& key, const nlohmann::json& value)> take;
};

// Throws TokenizerError with the byte offset if `bytes` are not JSON, are nested deeper than 64,
// hold more than a million values outside the sink's object, or have a key twice in one object
// (the sink's object excepted: the sink sees both).
nlohmann::json parse_json(std::string_view bytes, std::string_view file,
                          const MemberSink* sink = nullptr);

}  // namespace bertq::tokenizer
