#include "engine/task/glue_reader.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "bertq/error.h"
#include "engine/task/utf8.h"
#include "loaders/printable.h"

namespace bertq {
namespace {

constexpr std::size_t block_bytes = 64 * 1024;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

// The lines of a source, one at a time, without their "\n".
class LineReader {
 public:
  explicit LineReader(const loaders::ByteSource& source) : source_(source) {}

  // False at the end. The line holds until the next call.
  bool next(std::string_view& line) {
    std::size_t end = buffer_.find('\n', begin_);
    while (end == std::string::npos && offset_ < source_.size() &&
           buffer_.size() - begin_ <= longest_glue_line) {
      buffer_.erase(0, std::exchange(begin_, 0));
      const std::size_t searched = buffer_.size();
      read_block();
      end = buffer_.find('\n', searched);
    }
    if (begin_ == buffer_.size()) return false;
    ++number_;
    line = std::string_view(buffer_).substr(begin_, std::min(end, buffer_.size()) - begin_);
    if (line.size() > longest_glue_line) {
      refuse("expected at most " + std::to_string(longest_glue_line) + " bytes, got more");
    }
    begin_ = std::min(begin_ + line.size() + 1, buffer_.size());
    return true;
  }

  // "<file>: line <number>: <what>".
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorKind::input,
                source_.name() + ": line " + std::to_string(number_) + ": " + what);
  }

 private:
  void read_block() {
    const std::uint64_t rest = source_.size() - offset_;
    const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(rest, block_bytes));
    const std::size_t old = buffer_.size();
    buffer_.resize(old + bytes);
    source_.read(offset_, std::as_writable_bytes(std::span(buffer_).subspan(old)));
    offset_ += bytes;
  }

  const loaders::ByteSource& source_;
  std::string buffer_;
  std::uint64_t offset_ = 0;
  std::size_t begin_ = 0, number_ = 0;
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

// "A or B or C", name by name.
void add_choice(std::string& list, std::string_view name) {
  if (!list.empty()) list += " or ";
  list += name;
}

std::string quoted(std::string_view text) {
  std::string quotes = "'";
  quotes += loaders::printable(text);
  return quotes += '\'';
}

const FileForm& find_form(const Task& task, std::string_view header, const LineReader& lines) {
  if (header.starts_with(byte_order_mark)) header.remove_prefix(byte_order_mark.size());
  const auto fields = split(strip(header));
  std::string known;
  for (const FileForm& form : task.forms) {
    if (fields.front() == form.first_header) {
      if (fields.size() == form.columns) return form;
      lines.refuse("expected " + std::to_string(form.columns) + " columns, got " +
                   std::to_string(fields.size()));
    }
    add_choice(known, form.first_header);
  }
  lines.refuse("expected a header that begins with " + known + ", got " + quoted(fields.front()));
}

std::size_t find_class(const Task& task, std::string_view label, const LineReader& lines) {
  std::string known;
  for (std::size_t i = 0; i < task.classes.size(); ++i) {
    if (label == task.classes[i].in_file) return i;
    add_choice(known, task.classes[i].in_file);
  }
  lines.refuse("expected the label " + known + ", got " + quoted(label));
}

Example read_example(const Task& task, const FileForm& form, std::string_view line,
                     const LineReader& lines) {
  if (const auto bad = find_invalid_utf8(line)) {
    lines.refuse("expected UTF-8, got an invalid byte at offset " + std::to_string(*bad) +
                 " of the line");
  }
  const auto fields = split(strip(line));
  if (fields.size() != form.columns) {
    lines.refuse("expected " + std::to_string(form.columns) + " columns, got " +
                 std::to_string(fields.size()));
  }
  Example example{std::string(fields[form.text]), std::string(fields[form.pair])};
  if (form.label) example.label = find_class(task, fields[*form.label], lines);
  return example;
}

std::filesystem::path find_file(const Task& task, const std::filesystem::path& folder) {
  std::string sought;
  for (const std::string_view name : task.files) {
    std::error_code none;
    if (std::filesystem::exists(folder / name, none)) return folder / name;
    add_choice(sought, name);
  }
  throw Error(ErrorKind::input,
              folder.string() + ": expected " + sought + " in this folder, got neither");
}

}  // namespace

ExampleSet read_glue(const Task& task, const loaders::ByteSource& source) {
  LineReader lines(source);
  ExampleSet set;
  set.name = source.name();
  std::string_view line;
  if (!lines.next(line)) {
    throw Error(ErrorKind::input, source.name() + ": expected a header line, got an empty file");
  }
  const FileForm& form = find_form(task, line, lines);
  set.labelled = form.label.has_value();
  bool ended = false;  // by a blank line; only more blank ones may follow
  while (lines.next(line)) {
    if (strip(line).empty()) {
      ended = true;
      continue;
    }
    if (ended) lines.refuse("expected the end of the file after a blank line, got a row");
    set.examples.push_back(read_example(task, form, line, lines));
  }
  if (set.examples.empty()) {
    throw Error(ErrorKind::input, source.name() + ": expected rows after the header, got none");
  }
  return set;
}

ExampleSet read_glue(const Task& task, const std::filesystem::path& path) {
  std::error_code none;
  const bool folder = std::filesystem::is_directory(path, none);
  return read_glue(task, *loaders::open_file(folder ? find_file(task, path) : path));
}

}  // namespace bertq
