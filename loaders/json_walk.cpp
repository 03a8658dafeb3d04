#include "loaders/json_walk.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "loaders/byte_source.h"
#include "loaders/printable.h"

namespace bertq::loaders {
namespace {

using Json = nlohmann::json;

[[noreturn]] void fail(const JsonPlace& place, std::size_t position, const std::string& what) {
  throw FormatError(place.file + ": byte " + std::to_string(place.offset + position) + ": " + what);
}

// A first pass that only finds where strings, numbers and words begin and end.
void check_token_lengths(std::string_view text, const JsonPlace& place, std::size_t limit) {
  constexpr std::string_view separators = "{}[]:, \t\r\n";
  bool in_string = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const bool at_end = i == text.size();
    const bool at_quote = !at_end && text[i] == '"';
    const bool ends_token =
        at_end || at_quote || (!in_string && separators.find(text[i]) != std::string_view::npos);
    if (!ends_token) {
      if (in_string && text[i] == '\\') ++i;
      continue;
    }
    if (i > begin && i - begin > limit) {
      fail(place, begin,
           "expected strings and numbers of at most " + std::to_string(limit) + " bytes, got " +
               std::to_string(i - begin));
    }
    in_string ^= at_quote;
    begin = i + 1;
  }
}

// Turns the parser's events into values with paths. The parser itself does not recurse.
class Walker final : public nlohmann::json_sax<Json> {
 public:
  Walker(std::string_view text, const JsonPlace& place, JsonVisitor& visitor, std::size_t depth)
      : text_(text), place_(place), visitor_(visitor), depth_(depth) {}

  bool null() override { return emit({JsonKind::other, "null"}); }
  bool boolean(bool value) override { return emit({JsonKind::other, value ? "true" : "false"}); }
  bool number_integer(number_integer_t value) override {
    return emit({JsonKind::other, std::to_string(value)});
  }
  bool number_unsigned(number_unsigned_t value) override {
    return emit({JsonKind::natural, {}, value});
  }
  bool number_float(number_float_t, const string_t& text) override {
    return emit({JsonKind::other, text});
  }
  bool string(string_t& text) override { return emit({JsonKind::string, text}); }
  bool binary(binary_t&) override { return false; }  // JSON has none

  bool start_object(std::size_t) override { return open(JsonKind::object); }
  bool start_array(std::size_t) override { return open(JsonKind::array); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    path_.back() = name;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    constexpr int number_too_large = 406;
    const std::size_t at = std::min(position == 0 ? 0 : position - 1, text_.size());
    if (error.id == number_too_large) fail(place_, at, "expected a smaller number before it");
    const std::string got =
        at == text_.size() ? "the end" : "'" + printable(text_.substr(at, 1)) + "'";
    fail(place_, at, "expected JSON in UTF-8, got " + got);
  }

 private:
  bool emit(const JsonValue& value) {
    visitor_.value(path_, !open_.empty() && open_.back() == JsonKind::array, value);
    return true;
  }

  bool open(JsonKind kind) {
    emit({kind, {}});
    if (open_.size() == depth_) {
      throw FormatError(place_.file + ": expected JSON of at most " + std::to_string(depth_) +
                        " levels, got more");
    }
    open_.push_back(kind);
    if (kind == JsonKind::object) path_.emplace_back();
    return true;
  }

  bool close() {
    if (open_.back() == JsonKind::object) path_.pop_back();
    open_.pop_back();
    visitor_.end(path_);
    return true;
  }

  std::string_view text_;
  const JsonPlace& place_;
  JsonVisitor& visitor_;
  std::size_t depth_;
  std::vector<JsonKind> open_;
  std::vector<std::string> path_;
};

}  // namespace

std::string described(const JsonValue& value) {
  switch (value.kind) {
    case JsonKind::object:
      return "an object";
    case JsonKind::array:
      return "an array";
    case JsonKind::string:
      return "the string '" + printable(value.text) + "'";
    case JsonKind::natural:
      return std::to_string(value.natural);
    case JsonKind::other:
      break;
  }
  return printable(value.text);
}

void walk_json(std::string_view text, const JsonPlace& place, JsonVisitor& visitor,
               const JsonLimits& limits) {
  check_token_lengths(text, place, limits.token);
  Walker walker(text, place, visitor, limits.depth);
  Json::sax_parse(text.begin(), text.end(), &walker);
}

}  // namespace bertq::loaders
