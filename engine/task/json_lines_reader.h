// Texts and labels from JSON Lines: an object a line.
#pragma once

#include <string>

#include "engine/task/example.h"
#include "loaders/byte_source.h"

namespace bertq::engine {

struct JsonLinesForm {
  std::string text, pair, label;  // keys; empty: single texts, or no labels
  LabelForm label_form;
  bool label_is_required = false;  // otherwise a file whose first object has none is unlabelled
};

// Labels are strings, whole numbers (the index of a class) or, where they are values, numbers.
// Throws Error (input) or loaders::FormatError: "pairs.jsonl: line 17: key \"label\": expected
// ...".
ExampleSet read_json_lines(const JsonLinesForm& form, const loaders::ByteSource& source);

}  // namespace bertq::engine
