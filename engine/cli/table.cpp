#include "engine/cli/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace bertq::engine::cli {
namespace {

// RFC 4180: fields with separators or quotes are quoted, quotes doubled.
std::string csv_field(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) quoted.append(c == '"' ? 2 : 1, c);
  return quoted.append(1, '"');
}

}  // namespace

Table::Table(std::vector<std::string> titles) {
  rows_.push_back(std::move(titles));
}

void Table::add(std::vector<std::string> cells) {
  if (cells.size() != rows_.front().size()) throw std::logic_error("a row of the wrong width");
  rows_.push_back(std::move(cells));
}

std::string Table::text(std::string_view format) const {
  if (format == "md") return markdown();
  if (format == "csv") return csv();
  return aligned();
}

std::string Table::aligned() const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    text += fmt::format("{:<{}}", row[0], widths[0]);
    for (std::size_t i = 1; i < row.size(); ++i) text += fmt::format("  {:>{}}", row[i], widths[i]);
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

std::string Table::markdown() const {
  std::string text;
  for (const auto& row : rows_) {
    for (const auto& cell : row) text += fmt::format("| {} ", cell);
    text += "|\n";
    if (&row != &rows_.front()) continue;
    for (std::size_t i = 0; i < row.size(); ++i) text += i == 0 ? "|:--" : "|--:";
    text += "|\n";
  }
  return text;
}

std::string Table::csv() const {
  std::string text;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i)
      text += fmt::format("{}{}", i == 0 ? "" : ",", csv_field(row[i]));
    text += '\n';
  }
  return text;
}

}  // namespace bertq::engine::cli
