// Texts and labels from a file of tab-separated columns.
//
// UTF-8 with or without a byte order mark, with "\n" or CRLF. Quotes mean nothing, empty fields are
// kept, spaces at both ends of a line are not.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/task/task.h"
#include "loaders/byte_source.h"

namespace bertq {

struct Example {
  std::string text;
  std::optional<std::string> pair;
  std::size_t label = 0;  // index of a class, where labels are classes; 0 in an unlabelled set
  double value = 0.0;     // where they are values
};

struct ExampleSet {
  std::string name;  // the file
  bool labelled = false;
  std::vector<Example> examples;  // at least one
  std::size_t skipped = 0;        // rows left out for being too short
};

// What may stand in the column of the label.
struct LabelForm {
  std::vector<std::pair<std::string, std::size_t>> classes;  // name and index, or
  std::optional<ValueRange> values;
};
// "0 or 1", "a number from 0 to 5"
std::string expected_label(const LabelForm& form);
// Sets the example's label or value; false if the text is none.
bool take_label(const LabelForm& form, std::string_view text, Example& example);

struct TableForm {
  ColumnNames columns;                   // by the header's names
  std::optional<Headerless> headerless;  // how a file without that header looks, if there are any
  bool skips_short_rows = false;
  LabelForm label;
};

// Throws Error (input) or loaders::FormatError: "dev.tsv: line 17: expected 5 columns, got 4". A
// file without the label's column makes an unlabelled set.
ExampleSet read_table(const TableForm& form, const loaders::ByteSource& source);

}  // namespace bertq
