#include "engine/tuning/yaml_fields.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "bertq/error.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

std::string quoted(std::string_view text) {
  return std::string("\"").append(loaders::printable(text)).append("\"");
}

std::string joined(std::span<const std::string_view> known) {
  std::string text;
  for (const std::string_view value : known) {
    text += (text.empty() ? "" : ", ") + std::string(value);
  }
  return text;
}

}  // namespace

void YamlFields::fail(const YAML::Node& at, const std::string& what) const {
  const YAML::Mark mark = at.Mark();
  const std::string line = mark.is_null() ? "" : "line " + std::to_string(mark.line + 1) + ": ";
  throw Error(ErrorKind::input, file_ + ": " + line + what);
}

// PyYAML would build an object, or call something.
void YamlFields::check_tag(const YAML::Node& node) const {
  if (node.Tag().size() <= 1 || node.Tag().starts_with("tag:yaml.org,2002:")) {
    if (node.Tag().find("python") == std::string::npos) return;
  }
  fail(node, "expected no tags, got " + loaders::printable(node.Tag()));
}

void YamlFields::check_map(const YAML::Node& map, std::string_view path,
                           std::span<const std::string_view> keys) const {
  if (!map.IsDefined() || map.IsNull()) return;
  check_tag(map);
  if (!map.IsMap()) fail(map, std::string(path) + ": expected keys (" + joined(keys) + ")");
  std::set<std::string> seen;
  for (const auto& entry : map) {
    const std::string key = text(entry.first, path);
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      fail(entry.first, std::string(path) + ": unknown key " + quoted(key) + "; expected one of " +
                            joined(keys));
    }
    if (!seen.insert(key).second) {
      fail(entry.first, std::string(path) + ": key " + quoted(key) + " appears twice");
    }
  }
}

std::string YamlFields::text(const YAML::Node& node, std::string_view path) const {
  check_tag(node);
  if (!node.IsScalar()) fail(node, std::string(path) + ": expected a text or number");
  return node.Scalar();
}

bool YamlFields::boolean(const YAML::Node& node, std::string_view path) const {
  bool value = false;
  if (!node.IsScalar() || !YAML::convert<bool>::decode(node, value)) {
    fail(node, std::string(path) + ": expected true or false");
  }
  return value;
}

std::uint64_t YamlFields::whole_number(const YAML::Node& node, std::string_view path) const {
  const std::string digits = text(node, path);
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || stopped != end) {
    fail(node, std::string(path) + ": expected a whole number, got " + quoted(digits));
  }
  return value;
}

std::string YamlFields::choice(const YAML::Node& node, std::string_view path,
                               std::span<const std::string_view> known) const {
  std::string value = text(node, path);
  if (std::find(known.begin(), known.end(), value) == known.end()) {
    fail(node, std::string(path) + ": expected one of " + joined(known) + ", got " + quoted(value));
  }
  return value;
}

std::vector<std::string> YamlFields::list(const YAML::Node& node, std::string_view path) const {
  std::vector<std::string> values;
  if (node.IsSequence()) {
    check_tag(node);
    for (const YAML::Node& value : node) values.push_back(text(value, path));
    return values;
  }
  const std::string all = text(node, path);
  constexpr std::string_view between = ", \t\n";
  std::size_t at = 0;
  while ((at = all.find_first_not_of(between, at)) != std::string::npos) {
    const std::size_t end = std::min(all.find_first_of(between, at), all.size());
    values.push_back(all.substr(at, end - at));
    at = end;
  }
  return values;
}

}  // namespace bertq::engine
