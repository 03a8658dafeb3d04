#include "engine/cli/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <vector>

// cxxopts' other parser is a std::regex, which overflows the stack on a long argument.
#define CXXOPTS_NO_REGEX
#include <cxxopts.hpp>

#include "bertq/error.h"
#include "engine/cli/options.h"
#include "engine/cli/suggestion.h"
#include "engine/cli/verbs.h"

namespace bertq::engine::cli {
namespace {

bool contains_choice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    const std::size_t end = std::min(choices.find('|'), choices.size());
    if (choices.substr(0, end) == value) return true;
    choices.remove_prefix(std::min(end + 1, choices.size()));
  }
  return false;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
    if (text.empty()) parts.emplace_back();  // what follows the last comma
  }
  return parts;
}

[[noreturn]] void refuse(std::string_view source, std::string_view expected,
                         std::string_view value) {
  throw Error(ErrorKind::usage, fmt::format("{}: expected {}, got '{}'", source, expected, value));
}

void check_choice(const Option& option, std::string_view source, const std::string& value) {
  const std::string choices = argument_of(option);
  if (contains_choice(choices, value)) return;
  throw Error(ErrorKind::usage, fmt::format("{}: expected one of {}, got '{}'{}", source, choices,
                                            value, suggestion(value, candidates_of(option))));
}

// `source` is the flag or the environment variable that the value came from.
void check(const Option& option, std::string_view source, const std::string& value) {
  switch (option.takes) {
    case Takes::nothing:
      if (value != "true") refuse(source, "no value", value);
      return;
    case Takes::boolean:
      if (value != "true" && value != "false") refuse(source, "true or false", value);
      return;
    case Takes::verb:
      find_verb(value);
      return;
    case Takes::text:
    case Takes::task:
    case Takes::path:
    case Takes::paths:
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
    case Takes::choices: {
      const auto parts = split(value);
      if (parts.empty()) check_choice(option, source, value);
      for (auto part = parts.begin(); part != parts.end(); ++part) {
        check_choice(option, source, *part);
        if (std::find(parts.begin(), part, *part) != part) refuse(source, "each value once", value);
      }
      return;
    }
    case Takes::choice:
    case Takes::isa:
      check_choice(option, source, value);
  }
}

cxxopts::Options to_cxxopts(const std::vector<const Option*>& rows) {
  cxxopts::Options parser("bertq");
  parser.allow_unrecognised_options();
  auto add = parser.add_options();
  std::vector<std::string> positional;
  for (const Option* row : rows) {
    if (row->positional) positional.emplace_back(row->name);
    const std::string name =
        row->letter == '\0' ? std::string(row->name) : fmt::format("{},{}", row->letter, row->name);
    const auto value = cxxopts::value<std::string>();
    if (row->takes == Takes::nothing || row->takes == Takes::boolean) value->implicit_value("true");
    add(name, "", value);
  }
  if (!positional.empty()) parser.parse_positional(std::move(positional));
  return parser;
}

// A value, and the flag or environment variable that it came from.
struct Given {
  std::string source, text;
};

std::optional<Given> find_given(const cxxopts::ParseResult& parsed, const Option& option) {
  const std::string name(option.name);
  if (parsed.count(name) != 0) return Given{"--" + name, parsed[name].as<std::string>()};
  if (option.environment.empty()) return std::nullopt;
  const std::string variable(option.environment);
  const char* const set = std::getenv(variable.c_str());
  if (set == nullptr || *set == '\0') return std::nullopt;
  return Given{variable, set};
}

bool same_file(const std::string& a, const std::string& b) {
  std::error_code none;
  if (std::filesystem::equivalent(a, b, none)) return std::filesystem::is_regular_file(a, none);
  return !std::filesystem::exists(a, none) &&
         std::filesystem::weakly_canonical(a, none) == std::filesystem::weakly_canonical(b, none);
}

[[noreturn]] void refuse_same(const std::string& flag, const std::string& file,
                              const std::string& other) {
  throw Error(ErrorKind::usage, fmt::format("{}: '{}' is also {}", flag, file, other));
}

// What was meant by a path without a flag: a folder is a model, a file what is to be read. Nothing
// where two paths have been given already, by a flag that takes two.
std::string path_suggestion(const std::string& argument, const std::vector<const Option*>& rows,
                            const Arguments& arguments) {
  std::error_code none;
  const auto is_given = [&](const Option* row) {
    return row->takes == Takes::paths && arguments.given(row->name);
  };
  if (std::any_of(rows.begin(), rows.end(), is_given)) return "";
  if (argument == "-" || !std::filesystem::exists(argument, none)) return "";
  std::array<std::string_view, 2> flags{"data", "model"};
  if (std::filesystem::is_directory(argument, none)) std::swap(flags[0], flags[1]);
  for (const std::string_view flag : flags) {
    const auto has = [&](const Option* row) { return row->name == flag; };
    if (std::none_of(rows.begin(), rows.end(), has) || arguments.given(flag)) continue;
    return fmt::format("; did you mean '--{} {}'?", flag, argument);
  }
  return "";
}

[[noreturn]] void refuse_unmatched(const std::string& argument,
                                   const std::vector<const Option*>& rows,
                                   const Arguments& arguments) {
  if (!argument.starts_with('-') || argument == "-") {
    throw Error(ErrorKind::usage, fmt::format("unexpected argument '{}'{}", argument,
                                              path_suggestion(argument, rows, arguments)));
  }
  const std::string typed = argument.substr(0, argument.find('='));
  std::vector<std::string> known;
  for (const Option* row : rows) known.push_back(fmt::format("--{}", row->name));
  throw Error(ErrorKind::usage,
              fmt::format("unknown flag '{}'{}", typed, suggestion(typed, known)));
}

// The second of two paths: the parser has left it over.
std::string take_second(const Option& option, std::vector<std::string>& unmatched) {
  const auto path = std::find_if(unmatched.begin(), unmatched.end(), [](const std::string& text) {
    return !text.empty() && !text.starts_with('-');
  });
  if (path == unmatched.end()) {
    throw Error(ErrorKind::usage, fmt::format("--{}: expected two paths, got one", option.name));
  }
  std::string second = std::move(*path);
  unmatched.erase(path);
  return second;
}

}  // namespace

Arguments Arguments::parse(unsigned verb, int argc, const char* const* argv) {
  const auto rows = options_of(verb);
  Arguments arguments;
  try {
    const auto parsed = to_cxxopts(rows).parse(argc, argv);
    std::vector<std::string> unmatched = parsed.unmatched();
    for (const Option* row : rows) {
      const auto given = find_given(parsed, *row);
      if (given) check(*row, given->source, given->text);
      Value& value = arguments.values_[std::string(row->name)];
      value = {given ? given->text : std::string(row->fallback), given.has_value()};
      if (given && row->takes == Takes::paths) value.second = take_second(*row, unmatched);
    }
    if (!unmatched.empty()) refuse_unmatched(unmatched.front(), rows, arguments);
  } catch (const cxxopts::exceptions::exception& error) {
    throw Error(ErrorKind::usage, error.what());
  }
  arguments.find_written(rows);
  return arguments;
}

// A result onto what is being read, or onto another result, would destroy it.
void Arguments::find_written(const std::vector<const Option*>& rows) {
  std::vector<std::string> read = {"/proc/self/fd/0"};
  for (const Option* row : rows) {
    if (!given(row->name) || names_what(*row) != Names::file) continue;
    const bool reads = row->takes == Takes::path || row->takes == Takes::paths;
    if (reads) read.push_back(text(row->name));
    if (row->takes == Takes::paths) read.push_back(second(row->name));
    if (!reads) written_.push_back({fmt::format("--{}", row->name), text(row->name)});
  }
  refuse_overwriting(read);
  for (auto output = written_.begin(); output != written_.end(); ++output) {
    for (auto other = written_.begin(); other != output; ++other) {
      if (same_file(output->file, other->file))
        refuse_same(output->flag, output->file, other->flag);
    }
  }
}

void Arguments::refuse_overwriting(const std::vector<std::string>& read) const {
  for (const Written& output : written_) {
    for (const std::string& file : read) {
      if (same_file(output.file, file)) refuse_same(output.flag, output.file, "the input");
    }
  }
}

const Arguments::Value& Arguments::find(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw std::logic_error(fmt::format("no flag --{} here", name));
  return found->second;
}

bool Arguments::given(std::string_view name) const {
  return find(name).given;
}

std::vector<std::string> Arguments::list(std::string_view name) const {
  return split(text(name));
}

Arguments Arguments::with(std::string_view name, const std::string& text) const {
  Arguments changed = *this;
  find(name);  // it has to be a flag of this verb
  changed.values_[std::string(name)] = {text, true};
  return changed;
}

const std::string& Arguments::second(std::string_view name) const {
  return find(name).second;
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

}  // namespace bertq::engine::cli
