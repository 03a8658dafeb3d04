// Texts with a class or a value each: what the readers of a task's files make of them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/task/task.h"

namespace bertq::engine {

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

// What may stand where the label is.
struct LabelForm {
  std::vector<std::pair<std::string, std::size_t>> classes;  // name and index, or
  std::optional<ValueRange> values;
};
// "0 or 1", "a number from 0 to 5"
std::string expected_label(const LabelForm& form);
// Sets the example's label or value; false if the text is none.
bool take_label(const LabelForm& form, std::string_view text, Example& example);

}  // namespace bertq::engine
