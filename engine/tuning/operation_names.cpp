#include "engine/tuning/operation_names.h"

#include <algorithm>
#include <array>
#include <regex>

#include "bertq/error.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

constexpr std::size_t longest_pattern = 200;
constexpr std::string_view layer = "bert.encoder.layer.";

struct NameRow {
  std::string_view module;  // of an encoder layer: behind its number
  std::string_view tensorflow;
};
constexpr std::array<NameRow, 8> layer_rows{{
    {"attention.self.query", "attention/self/query/MatMul"},
    {"attention.self.key", "attention/self/key/MatMul"},
    {"attention.self.value", "attention/self/value/MatMul"},
    {"attention.scores", "attention/self/MatMul"},
    {"attention.context", "attention/self/MatMul_1"},
    {"attention.output.dense", "attention/output/dense/MatMul"},
    {"intermediate.dense", "intermediate/dense/MatMul"},
    {"output.dense", "output/dense/MatMul"},
}};
constexpr std::array<NameRow, 4> other_rows{{
    {"bert.embeddings.word_embeddings", "bert/embeddings/GatherV2"},
    {"bert.pooler.dense", "bert/pooler/dense/MatMul"},
    {"classifier", "loss/MatMul"},
    {"qa_outputs", "MatMul"},  // run_squad.py multiplies outside of any scope
}};

const NameRow* find_row(std::span<const NameRow> rows, std::string_view module) {
  const auto found = std::find_if(rows.begin(), rows.end(),
                                  [&](const NameRow& row) { return row.module == module; });
  return found == rows.end() ? nullptr : &*found;
}

// "3.output.dense" -> {"3", "output.dense"}
std::pair<std::string_view, std::string_view> split_layer(std::string_view rest) {
  const std::size_t dot = std::min(rest.find('.'), rest.size());
  return {rest.substr(0, dot), rest.substr(std::min(dot + 1, rest.size()))};
}

std::string tensorflow_name(std::string_view module) {
  if (!module.starts_with(layer)) {
    const NameRow* const row = find_row(other_rows, module);
    return row == nullptr ? "" : std::string(row->tensorflow);
  }
  const auto [number, name] = split_layer(module.substr(layer.size()));
  const NameRow* const row = find_row(layer_rows, name);
  if (row == nullptr) return "";
  return "bert/encoder/layer_" + std::string(number) + "/" + std::string(row->tensorflow);
}

// LPOT's example model has one layer for query, key and value.
std::string mixed_name(std::string_view module) {
  for (const std::string_view part : {".query", ".key", ".value"}) {
    const std::string_view self = ".attention.self";
    if (!module.ends_with(part)) continue;
    const std::string_view owner = module.substr(0, module.size() - part.size());
    if (owner.ends_with(self)) return std::string(owner) + ".mixed";
  }
  return "";
}

bool is_letter_or_digit(char c) {
  return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9');
}

bool is_name(std::string_view pattern) {
  if (pattern.empty() || (!is_letter_or_digit(pattern.front()) && pattern.front() != '.')) {
    return false;
  }
  return std::all_of(pattern.begin(), pattern.end(), [](char c) {
    return is_letter_or_digit(c) || std::string_view("._-/").find(c) != std::string_view::npos;
  });
}

// With the executor whose time is bounded by a polynomial: a pattern comes from a file.
std::regex expression(const std::string& pattern) {
  try {
    if (pattern.size() > longest_pattern) throw std::regex_error(std::regex_constants::error_space);
    return std::regex(pattern,
                      std::regex_constants::ECMAScript | std::regex_constants::__polynomial);
  } catch (const std::regex_error&) {
    throw Error(ErrorKind::usage, "op_wise: expected a name or a regular expression of at most " +
                                      std::to_string(longest_pattern) +
                                      " characters without back references, got " +
                                      loaders::printable(pattern));
  }
}

}  // namespace

std::vector<std::string> operation_names(std::string_view module, Dialect dialect) {
  std::vector<std::string> names;
  if (dialect == Dialect::tensorflow) {
    names.push_back(tensorflow_name(module));
  } else if (dialect == Dialect::pytorch) {
    names.push_back(mixed_name(module));
  }
  std::erase(names, "");
  names.emplace_back(module);
  return names;
}

bool names_operation(const std::string& pattern, std::string_view module, Dialect dialect) {
  const auto names = operation_names(module, dialect);
  if (is_name(pattern)) return std::find(names.begin(), names.end(), pattern) != names.end();
  const std::regex compiled = expression(pattern);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return std::regex_search(name, compiled, std::regex_constants::match_continuous);
  });
}

}  // namespace bertq::engine
