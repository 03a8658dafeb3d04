// Labelled texts from the files of the GLUE tasks.
//
// Tab-separated UTF-8 with a header line; a byte order mark, CRLF and bare quotes are taken as they
// are found (nothing is ever quoted), empty fields are kept, and lines end at "\n" only. The same
// reader takes the files in which a corpus was first published.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/task/task.h"
#include "loaders/byte_source.h"

namespace bertq {

struct Example {
  std::string text, pair;
  std::size_t label = 0;  // index of a class of the task; 0 in an unlabelled set
};

struct ExampleSet {
  std::string name;  // the file
  bool labelled = false;
  std::vector<Example> examples;  // at least one
};

inline constexpr std::size_t longest_glue_line = 1'000'000;  // bytes

// `path` is a file, or a folder with one of the task's files. Throws Error (input) or
// loaders::FormatError: "dev.tsv: line 17: expected 5 columns, got 4".
ExampleSet read_glue(const Task& task, const std::filesystem::path& path);
ExampleSet read_glue(const Task& task, const loaders::ByteSource& source);

}  // namespace bertq
