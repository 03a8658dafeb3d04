#include "tokenizer/json_reader.h"

#include <algorithm>
#include <set>

#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxValues = 1'000'000;

std::string shorten(std::string text) {
  constexpr std::size_t most = 60;
  if (text.size() > most) text = text.substr(0, most) + "...";
  return text;
}

std::string show(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  return shorten(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

// Follows the parser through the document.
class Follower {
 public:
  Follower(std::string_view file, const MemberSink* sink) : file_(file), sink_(sink) {}

  // nlohmann's callback: whether the document keeps what was parsed.
  bool operator()(int depth, json::parse_event_t event, json& parsed) {
    using enum json::parse_event_t;
    if (depth > kMaxDepth) throw refuse("nested deeper than " + std::to_string(kMaxDepth));
    const auto level = static_cast<std::size_t>(depth);
    switch (event) {
      case object_start:
      case array_start:
        if (sink_level_ != 0) throw TokenizerError(place() + ": expected a number, got more");
        levels_.resize(level + 1);
        levels_.push_back({});
        if (sink_ && event == object_start && path_is(sink_->object)) sink_level_ = level + 1;
        return true;
      case object_end:
      case array_end:
        if (sink_level_ == level + 1) sink_level_ = 0;
        levels_.resize(level + 1);
        return true;
      case key:
        return enter(level, parsed.get<std::string>());
      case value:
        if (sink_level_ != 0 && level == sink_level_) {
          sink_->take(levels_[level].key, parsed);
          return false;
        }
        if (++values_ > kMaxValues) throw refuse("more than a million values");
        return true;
    }
    return true;
  }

 private:
  struct Level {
    std::string key;
    std::set<std::string> seen;
  };

  bool enter(std::size_t level, std::string key) {
    levels_[level].key = std::move(key);
    if (sink_level_ == level) return false;
    if (!levels_[level].seen.insert(levels_[level].key).second) {
      throw TokenizerError(place() + ": expected a key once, got it twice");
    }
    return true;
  }

  bool path_is(const JsonPath& path) const {
    // levels_[0] is the document, the last is the object that opens.
    if (levels_.size() != path.size() + 2) return false;
    for (std::size_t i = 0; i < path.size(); ++i) {
      if (levels_[i + 1].key != path[i]) return false;
    }
    return true;
  }

  std::string place() const {
    std::string place(file_);
    const char* separator = ": ";
    for (const Level& level : levels_) {
      if (level.key.empty()) continue;
      place += separator + shorten(level.key);
      separator = ".";
    }
    return place;
  }

  TokenizerError refuse(const std::string& why) const {
    return TokenizerError(std::string(file_) + ": expected a tokenizer's JSON, got one " + why);
  }

  std::string_view file_;
  const MemberSink* sink_;
  std::vector<Level> levels_{1};  // [d]: the key at depth d and those before it
  std::size_t sink_level_ = 0;    // depth of the sink's members while inside its object
  std::size_t values_ = 0;
};

}  // namespace

json parse_json(std::string_view bytes, std::string_view file, const MemberSink* sink) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (bytes.starts_with(byte_order_mark)) bytes.remove_prefix(byte_order_mark.size());
  Follower follower(file, sink);
  try {
    return json::parse(bytes, std::ref(follower));
  } catch (const json::parse_error& error) {
    throw TokenizerError(std::string(file) + ": byte offset " + std::to_string(error.byte) +
                         ": expected JSON, got something else");
  } catch (const json::exception& error) {
    throw TokenizerError(std::string(file) + ": expected JSON, got " + error.what());
  }
}

std::optional<JsonValue> JsonValue::find(std::string_view key) const {
  if (!value_->is_object()) refuse("an object");
  const auto found = value_->find(key);
  if (found == value_->end() || found->is_null()) return std::nullopt;
  const char* separator = place_.find(": ") == std::string::npos ? ": " : ".";
  return JsonValue(*found, place_ + separator + shorten(std::string(key)));
}

JsonValue JsonValue::at(std::string_view key) const {
  const auto found = find(key);
  if (!found) {
    throw TokenizerError(place_ + ": expected \"" + std::string(key) + "\", got none");
  }
  return *found;
}

std::vector<JsonValue> JsonValue::elements() const {
  if (!value_->is_array()) refuse("an array");
  std::vector<JsonValue> result;
  for (std::size_t i = 0; i < value_->size(); ++i) {
    result.emplace_back((*value_)[i], place_ + "[" + std::to_string(i) + "]");
  }
  return result;
}

std::vector<std::string> JsonValue::keys() const {
  if (!value_->is_object()) refuse("an object");
  std::vector<std::string> result;
  for (const auto& [key, value] : value_->items()) result.push_back(key);
  return result;
}

bool JsonValue::as_bool() const {
  if (!value_->is_boolean()) refuse("true or false");
  return value_->get<bool>();
}

std::string JsonValue::as_string() const {
  if (!value_->is_string()) refuse("a string");
  return value_->get<std::string>();
}

bool is_integer_within(const json& value, std::int64_t least, std::int64_t most) {
  if (!value.is_number_integer()) return false;
  // Past INT64_MAX the parser makes it unsigned.
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return false;
  return value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most;
}

std::int64_t JsonValue::as_integer(std::int64_t least, std::int64_t most) const {
  if (!is_integer_within(*value_, least, most)) {
    refuse("an integer from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value_->get<std::int64_t>();
}

void JsonValue::refuse(std::string_view expected) const {
  throw TokenizerError(place_ + ": expected " + std::string(expected) + ", got " + show(*value_));
}

}  // namespace bertq::tokenizer
