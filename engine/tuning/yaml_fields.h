// Checked access to YAML whose keys are known: everything that is wrong is named with its line.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bertq::engine {

class YamlFields {
 public:
  // `file` is its name for messages.
  explicit YamlFields(std::string file) : file_(std::move(file)) {}

  // Throws Error (input): "<file>: line 3: <what>".
  [[noreturn]] void fail(const YAML::Node& at, const std::string& what) const;

  // A map with no other keys, each once. An absent or empty one has no keys. `path` is what it is
  // called in messages.
  void check_map(const YAML::Node& map, std::string_view path,
                 std::span<const std::string_view> keys) const;

  std::string text(const YAML::Node& node, std::string_view path) const;
  bool boolean(const YAML::Node& node, std::string_view path) const;
  std::uint64_t whole_number(const YAML::Node& node, std::string_view path) const;
  // One of `known`.
  std::string choice(const YAML::Node& node, std::string_view path,
                     std::span<const std::string_view> known) const;
  // A sequence of scalars, or one text with commas or spaces between the values.
  std::vector<std::string> list(const YAML::Node& node, std::string_view path) const;

 private:
  void check_tag(const YAML::Node& node) const;
  std::string file_;
};

}  // namespace bertq::engine
