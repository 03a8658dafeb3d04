// The small JSON files of a model's folder, read strictly: no key twice, no mark before the text,
// and a value of the wrong kind is refused with the file and the key, never converted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace bertq::engine {

// Throws Error (input) "<name>: line 3, column 7: expected JSON, got '}'"; also for a key that is
// given twice in one object and for more than 32 levels.
nlohmann::json parse_json_file(std::string_view text, const std::string& name);

// The members of one object. A member that is null counts as absent, as in Python's readers. All
// throw Error (input), naming file and key.
class JsonFields {
 public:
  // `name` stands for the file, and for the object within it, in messages. `value` must be an
  // object and must outlive the fields.
  JsonFields(const nlohmann::json& value, std::string name);

  const std::string& name() const { return name_; }
  const nlohmann::json* find(std::string_view key) const;  // nullptr: absent
  bool has(std::string_view key) const { return find(key) != nullptr; }

  // An integer, written without point or exponent.
  std::size_t natural(std::string_view key, std::size_t least, std::size_t most) const;
  std::size_t natural(std::string_view key, std::size_t least, std::size_t most,
                      std::size_t fallback) const;
  double number(std::string_view key, double fallback) const;
  bool flag(std::string_view key, bool fallback) const;
  std::string text(std::string_view key, std::string_view fallback) const;

  // "<name>: <key>: expected <expected>, got <the member's value>".
  [[noreturn]] void refuse(std::string_view key, std::string_view expected) const;

 private:
  const nlohmann::json* value_;
  std::string name_;
};

}  // namespace bertq::engine
