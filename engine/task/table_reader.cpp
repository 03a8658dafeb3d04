#include "engine/task/table_reader.h"

#include <algorithm>
#include <span>

#include "bertq/error.h"
#include "engine/task/line_reader.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

// Where in a row the columns are that are used.
struct Layout {
  std::size_t columns = 0;
  std::size_t text = 0;
  std::optional<std::size_t> pair, label;
  bool has_header = true;
};

// Spaces and carriage returns at both ends mean nothing; a tab there is an empty field.
std::string_view strip(std::string_view row) {
  constexpr std::string_view blank = " \r";
  const std::size_t begin = row.find_first_not_of(blank);
  if (begin == std::string_view::npos) return "";
  return row.substr(begin, row.find_last_not_of(blank) - begin + 1);
}

std::vector<std::string_view> split(std::string_view row) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t tab = row.find('\t');
    fields.push_back(row.substr(0, tab));
    if (tab == std::string_view::npos) return fields;
    row.remove_prefix(tab + 1);
  }
}

std::string quoted(std::string_view text) {
  std::string quotes = "'";
  quotes += loaders::printable(text);
  return quotes += '\'';
}

std::optional<std::size_t> find_column(std::span<const std::string_view> header,
                                       std::string_view name, const LineReader& lines) {
  if (name.empty()) return std::nullopt;
  const auto found = std::find(header.begin(), header.end(), name);
  if (found == header.end()) return std::nullopt;
  if (std::find(found + 1, header.end(), name) != header.end()) {
    lines.refuse("expected one column " + quoted(name) + ", got several");
  }
  return static_cast<std::size_t>(found - header.begin());
}

Layout headerless_layout(const Headerless& form, std::size_t columns, const LineReader& lines) {
  const std::size_t last = std::max({form.text, form.pair.value_or(0), form.label.value_or(0)});
  if (columns <= last) {
    lines.refuse("expected at least " + std::to_string(last + 1) + " columns, got " +
                 std::to_string(columns));
  }
  return {columns, form.text, form.pair, form.label, false};
}

[[noreturn]] void refuse_header(const TableForm& form, std::string_view missing,
                                std::span<const std::string_view> fields, const LineReader& lines) {
  std::string expected = "a header with the column " + quoted(missing);
  if (form.headerless) {
    expected += " or a row of " + std::to_string(form.headerless->columns) + " columns";
  }
  lines.refuse("expected " + expected + ", got " + std::to_string(fields.size()) +
               " columns that begin with " + quoted(fields.front()));
}

Layout find_layout(const TableForm& form, std::string_view first_line, const LineReader& lines) {
  const auto fields = split(strip(first_line));
  const auto text = find_column(fields, form.columns.text, lines);
  if (!text && form.headerless &&
      (form.headerless->columns == 0 || form.headerless->columns == fields.size())) {
    return headerless_layout(*form.headerless, fields.size(), lines);
  }
  if (!text) refuse_header(form, form.columns.text, fields, lines);
  const Layout layout{fields.size(), *text, find_column(fields, form.columns.pair, lines),
                      find_column(fields, form.columns.label, lines)};
  if (!layout.pair && !form.columns.pair.empty()) {
    refuse_header(form, form.columns.pair, fields, lines);
  }
  if (!layout.label && form.label_is_required) {
    refuse_header(form, form.columns.label, fields, lines);
  }
  return layout;
}

// Empty: a row to be left out.
std::optional<Example> read_row(const TableForm& form, const Layout& layout, std::string_view line,
                                const LineReader& lines) {
  const auto fields = split(strip(line));
  if (fields.size() < layout.columns && form.skips_short_rows) return std::nullopt;
  if (fields.size() != layout.columns) {
    lines.refuse("expected " + std::to_string(layout.columns) + " columns, got " +
                 std::to_string(fields.size()));
  }
  Example example;
  example.text = fields[layout.text];
  if (layout.pair) example.pair = fields[*layout.pair];
  if (layout.label && !take_label(form.label, fields[*layout.label], example)) {
    lines.refuse("column " + std::string(form.columns.label) + ": expected " +
                 expected_label(form.label) + ", got " + quoted(fields[*layout.label]));
  }
  return example;
}

}  // namespace

ExampleSet read_table(const TableForm& form, const loaders::ByteSource& source) {
  LineReader lines(source);
  ExampleSet set;
  set.name = source.name();
  std::string_view line;
  if (!lines.next(line)) {
    throw Error(ErrorKind::input, source.name() + ": expected a header line, got an empty file");
  }
  const Layout layout = find_layout(form, line, lines);
  set.labelled = layout.label.has_value();
  bool ended = false;  // by a blank line; only more blank ones may follow
  const auto take = [&] {
    if (strip(line).empty() && !form.skips_short_rows) {
      ended = true;
      return;
    }
    if (ended) lines.refuse("expected the end of the file after a blank line, got a row");
    if (auto example = read_row(form, layout, line, lines)) {
      set.examples.push_back(*std::move(example));
    } else {
      ++set.skipped;
    }
  };
  if (!layout.has_header) take();
  while (lines.next(line)) take();
  if (set.examples.empty()) {
    throw Error(ErrorKind::input, source.name() + ": expected rows after the header, got none");
  }
  return set;
}

}  // namespace bertq::engine
