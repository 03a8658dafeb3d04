#include "engine/model/json_fields.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "bertq/error.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

using Json = nlohmann::json;

constexpr int deepest = 32;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

[[noreturn]] void fail(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::input, where + ": " + what);
}

std::string line_and_column(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  return "line " + std::to_string(line) + ", column " + std::to_string(at - line_begin + 1);
}

std::string shown(const Json& value) {
  return loaders::printable(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// Refuses what the library would let pass.
class Strictness {
 public:
  explicit Strictness(const std::string& name) : name_(name) {}

  bool operator()(int depth, Json::parse_event_t event, const Json& value) {
    if (depth > deepest) {
      fail(name_, "expected JSON of at most " + std::to_string(deepest) + " levels, got more");
    }
    if (event == Json::parse_event_t::object_start) keys_.emplace_back();
    if (event == Json::parse_event_t::object_end) keys_.pop_back();
    if (event == Json::parse_event_t::key &&
        !keys_.back().insert(value.get<std::string>()).second) {
      fail(name_, "duplicate key " + shown(value));
    }
    return true;
  }

 private:
  const std::string& name_;
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
};

}  // namespace

Json parse_json_file(std::string_view text, const std::string& name) {
  if (text.starts_with(byte_order_mark)) {
    fail(name, "line 1, column 1: expected JSON, got a byte order mark");
  }
  Strictness strictness(name);
  try {
    return Json::parse(text, [&](int depth, Json::parse_event_t event, Json& value) {
      return strictness(depth, event, value);
    });
  } catch (const Json::parse_error& error) {
    const std::size_t at = std::min(error.byte == 0 ? 0 : error.byte - 1, text.size());
    const std::string got =
        at == text.size() ? "the end" : "'" + loaders::printable(text.substr(at, 1)) + "'";
    fail(name + ": " + line_and_column(text, at), "expected JSON, got " + got);
  } catch (const Json::out_of_range&) {
    fail(name, "expected numbers that fit a double, got a larger one");
  }
}

JsonFields::JsonFields(const Json& value, std::string name)
    : value_(&value), name_(std::move(name)) {
  if (!value.is_object()) fail(name_, "expected an object, got " + shown(value));
}

const Json* JsonFields::find(std::string_view key) const {
  const auto member = value_->find(key);
  return member == value_->end() || member->is_null() ? nullptr : &*member;
}

std::size_t JsonFields::natural(std::string_view key, std::size_t least, std::size_t most) const {
  const Json* member = find(key);
  const std::string expected =
      "an integer in " + std::to_string(least) + ".." + std::to_string(most);
  if (member == nullptr) fail(name_, std::string(key) + ": expected " + expected + ", found none");
  if (!member->is_number_unsigned()) refuse(key, expected);
  const auto value = member->get<std::uint64_t>();
  if (value < least || value > most) refuse(key, expected);
  return static_cast<std::size_t>(value);
}

std::size_t JsonFields::natural(std::string_view key, std::size_t least, std::size_t most,
                                std::size_t fallback) const {
  return has(key) ? natural(key, least, most) : fallback;
}

double JsonFields::number(std::string_view key, double fallback) const {
  const Json* member = find(key);
  if (member == nullptr) return fallback;
  if (!member->is_number()) refuse(key, "a number");
  return member->get<double>();
}

bool JsonFields::flag(std::string_view key, bool fallback) const {
  const Json* member = find(key);
  if (member == nullptr) return fallback;
  if (!member->is_boolean()) refuse(key, "true or false");
  return member->get<bool>();
}

std::string JsonFields::text(std::string_view key, std::string_view fallback) const {
  const Json* member = find(key);
  if (member == nullptr) return std::string(fallback);
  if (!member->is_string()) refuse(key, "a string");
  return member->get<std::string>();
}

void JsonFields::refuse(std::string_view key, std::string_view expected) const {
  const Json* member = find(key);
  fail(name_, std::string(key) + ": expected " + std::string(expected) + ", got " +
                  (member == nullptr ? "none" : shown(*member)));
}

}  // namespace bertq::engine
