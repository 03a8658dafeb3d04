#include "engine/cli/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <stdexcept>
#include <vector>

// cxxopts' other parser is a std::regex, which overflows the stack on a long argument.
#define CXXOPTS_NO_REGEX
#include <cxxopts.hpp>

#include "bertq/error.h"
#include "engine/cli/options.h"
#include "engine/cli/suggestion.h"

namespace bertq::cli {
namespace {

bool contains_choice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    const std::size_t end = std::min(choices.find('|'), choices.size());
    if (choices.substr(0, end) == value) return true;
    choices.remove_prefix(std::min(end + 1, choices.size()));
  }
  return false;
}

[[noreturn]] void refuse(std::string_view source, std::string_view expected,
                         std::string_view value) {
  throw Error(ErrorKind::usage, fmt::format("{}: expected {}, got '{}'", source, expected, value));
}

// `source` is the flag or the environment variable that the value came from.
void check(const Option& option, std::string_view source, const std::string& value) {
  switch (option.takes) {
    case Takes::nothing:
      return;
    case Takes::boolean:
      if (value != "true" && value != "false") refuse(source, "true or false", value);
      return;
    case Takes::text:
      if (value.empty()) refuse(source, option.argument, value);
      return;
    case Takes::number: {
      std::uint64_t number = 0;
      const char* const end = value.data() + value.size();
      const auto parsed = std::from_chars(value.data(), end, number);
      const bool whole = parsed.ec == std::errc() && parsed.ptr == end;
      if (!whole || number < option.lowest || number > option.highest) {
        refuse(source, fmt::format("a whole number from {} to {}", option.lowest, option.highest),
               value);
      }
      return;
    }
    case Takes::choice:
    case Takes::isa: {
      const std::string choices = argument_of(option);
      if (contains_choice(choices, value)) return;
      if (!option.not_yet.empty() && value == option.not_yet) {
        throw Error(ErrorKind::usage,
                    fmt::format("{}: {} is not built yet; choose {}", source, value, choices));
      }
      refuse(source, fmt::format("one of {}", choices), value);
    }
  }
}

cxxopts::Options to_cxxopts(const std::vector<const Option*>& rows) {
  cxxopts::Options parser("bertq");
  parser.allow_unrecognised_options();
  auto add = parser.add_options();
  for (const Option* row : rows) {
    const std::string name =
        row->letter == '\0' ? std::string(row->name) : fmt::format("{},{}", row->letter, row->name);
    const auto value = cxxopts::value<std::string>();
    if (row->takes == Takes::nothing || row->takes == Takes::boolean) value->implicit_value("true");
    add(name, "", value);
  }
  return parser;
}

[[noreturn]] void refuse_unmatched(const std::string& argument,
                                   const std::vector<const Option*>& rows) {
  if (!argument.starts_with('-') || argument == "-") {
    throw Error(ErrorKind::usage, fmt::format("unexpected argument '{}'", argument));
  }
  const std::string typed = argument.substr(0, argument.find('='));
  std::vector<std::string> known;
  for (const Option* row : rows) known.push_back(fmt::format("--{}", row->name));
  throw Error(ErrorKind::usage,
              fmt::format("unknown flag '{}'{}", typed, suggestion(typed, known)));
}

}  // namespace

Arguments Arguments::parse(unsigned verb, int argc, const char* const* argv) {
  const auto rows = options_of(verb);
  Arguments arguments;
  try {
    const auto parsed = to_cxxopts(rows).parse(argc, argv);
    if (!parsed.unmatched().empty()) refuse_unmatched(parsed.unmatched().front(), rows);
    for (const Option* row : rows) {
      Value value{std::string(row->fallback), false};
      const std::string name(row->name);
      const char* const set =
          row->environment.empty() ? nullptr : std::getenv(std::string(row->environment).c_str());
      if (parsed.count(name) != 0) {
        value = {parsed[name].as<std::string>(), true};
        check(*row, "--" + name, value.text);
      } else if (set != nullptr && *set != '\0') {
        value = {set, true};
        check(*row, row->environment, value.text);
      }
      arguments.values_.emplace(name, std::move(value));
    }
  } catch (const cxxopts::exceptions::exception& error) {
    throw Error(ErrorKind::usage, error.what());
  }
  return arguments;
}

const Arguments::Value& Arguments::find(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw std::logic_error(fmt::format("no flag --{} here", name));
  return found->second;
}

bool Arguments::given(std::string_view name) const {
  return find(name).given;
}

bool Arguments::flag(std::string_view name) const {
  return find(name).text == "true";
}

const std::string& Arguments::text(std::string_view name) const {
  return find(name).text;
}

std::uint64_t Arguments::number(std::string_view name) const {
  const std::string& value = find(name).text;
  std::uint64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

}  // namespace bertq::cli
