// Texts and labels from a file of tab-separated columns.
//
// UTF-8 with or without a byte order mark, with "\n" or CRLF. Quotes mean nothing, empty fields are
// kept, spaces at both ends of a line are not.
#pragma once

#include <optional>

#include "engine/task/example.h"
#include "engine/task/task.h"
#include "loaders/byte_source.h"

namespace bertq::engine {

struct TableForm {
  ColumnNames columns;                   // by the header's names
  std::optional<Headerless> headerless;  // how a file without that header looks, if there are any
  bool skips_short_rows = false;
  LabelForm label;
  bool label_is_required = false;  // otherwise a file without its column is an unlabelled set
};

// Throws Error (input) or loaders::FormatError: "dev.tsv: line 17: expected 5 columns, got 4".
ExampleSet read_table(const TableForm& form, const loaders::ByteSource& source);

}  // namespace bertq::engine
