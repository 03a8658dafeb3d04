// The flags that were given to a verb, checked against the table of options.h.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bertq::engine::cli {

struct Option;  // options.h

// The flags given to one verb, checked. Asking for a flag that the verb does not have is a defect
// and throws std::logic_error.
class Arguments {
 public:
  // argv[0] is the verb. Throws Error (usage); one about an unknown flag suggests the nearest.
  static Arguments parse(unsigned verb, int argc, const char* const* argv);

  bool given(std::string_view name) const;                 // by flag or environment, not by default
  bool flag(std::string_view name) const;                  // of Takes::nothing or boolean
  const std::string& text(std::string_view name) const;    // empty if neither given nor defaulted
  std::uint64_t number(std::string_view name) const;       // 0 likewise
  const std::string& second(std::string_view name) const;  // of Takes::paths
  std::vector<std::string> list(std::string_view name) const;  // what commas separate; maybe none

  // Throws Error (usage) if a flag names one of these files for results: what is found to be read
  // only when a folder is opened. What the flags themselves name has been looked at before.
  void refuse_overwriting(const std::vector<std::string>& read) const;

  // The same flags, but `name` given with another value, which nobody checks any more.
  Arguments with(std::string_view name, const std::string& text) const;

 private:
  struct Value {
    std::string text;
    bool given = false;
    std::string second = {};
  };
  const Value& find(std::string_view name) const;
  // A file of results, and the flag that names it.
  struct Written {
    std::string flag, file;
  };
  void find_written(const std::vector<const Option*>& rows);
  std::vector<Written> written_;
  std::map<std::string, Value, std::less<>> values_;
};

}  // namespace bertq::engine::cli
