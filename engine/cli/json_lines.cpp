#include "engine/cli/json_lines.h"

#include <fmt/format.h>

#include "bertq/error.h"

namespace bertq::engine::cli {
namespace {

constexpr int deepest_nesting = 64;  // of objects and arrays in a line

}  // namespace

Json parse_json_object(LineSource::Next kind, std::string_view line) {
  if (kind == LineSource::Next::too_long) {
    throw BadLine{fmt::format("expected at most {} bytes, got more", longest_line)};
  }
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
    throw BadLine{"expected a JSON object, got an empty line"};
  }
  const auto shallow = [](int depth, Json::parse_event_t, const Json&) {
    if (depth > deepest_nesting) {
      throw BadLine{fmt::format("nested more than {} deep", deepest_nesting)};
    }
    return true;
  };
  try {
    Json json = Json::parse(line, shallow);
    if (!json.is_object()) {
      throw BadLine{fmt::format("expected a JSON object, got {}", json.type_name())};
    }
    return json;
  } catch (const Json::parse_error& error) {
    throw BadLine{fmt::format("expected JSON, got something else at byte {}", error.byte)};
  } catch (const Json::exception&) {  // a number beyond double
    throw BadLine{"expected JSON, got a number out of range"};
  }
}

const std::string* string_member(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return nullptr;
  if (found->is_string()) return found->get_ptr<const std::string*>();
  throw BadLine{fmt::format("expected a string in \"{}\", got {}", key, found->type_name())};
}

const std::string& required_string(const Json& object, const char* key) {
  if (const std::string* const text = string_member(object, key)) return *text;
  throw BadLine{fmt::format("expected a string in \"{}\", got {}", key,
                            object.contains(key) ? "null" : "none")};
}

std::string BadLines::add(const LineSource& lines, const std::string& why) {
  std::string error = fmt::format("{}: line {}: {}", lines.name(), lines.line_number(), why);
  if (count_++ == 0) first_ = error;
  return error;
}

void BadLines::check_none() const {
  if (count_ == 0) return;
  throw Error(ErrorKind::input,
              count_ == 1 ? first_ : fmt::format("{} (and {} more lines)", first_, count_ - 1));
}

}  // namespace bertq::engine::cli
