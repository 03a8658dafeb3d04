#include "engine/model/label_names.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string_view>

#include "bertq/error.h"
#include "loaders/byte_source.h"

namespace bertq::engine {
namespace {

constexpr std::uint64_t longest_file = 1'000'000;  // bytes

[[noreturn]] void refuse(const loaders::ByteSource& file, std::size_t line, const char* expected) {
  throw Error(ErrorKind::input,
              file.name() + ": line " + std::to_string(line) + ": expected " + expected);
}

}  // namespace

bool are_generic(const std::vector<std::string>& labels) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] != "LABEL_" + std::to_string(i)) return false;
  }
  return true;
}

std::vector<std::string> read_label_names(const loaders::ByteSource& file, std::size_t logits) {
  const std::string text = loaders::read_text(file, longest_file);
  std::vector<std::string> names;
  std::set<std::string_view> seen;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view name = rest.substr(0, end);
    if (name.ends_with('\r')) name.remove_suffix(1);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (name.empty()) refuse(file, names.size() + 1, "a label, got an empty line");
    if (!seen.insert(name).second) {
      refuse(file, names.size() + 1, "a label of its own, got one that an earlier line has");
    }
    names.emplace_back(name);
  }
  if (names.size() == logits) return names;
  throw Error(ErrorKind::input, file.name() + ": expected " + std::to_string(logits) +
                                    " lines, one for each logit of the classifier, got " +
                                    std::to_string(names.size()));
}

}  // namespace bertq::engine
