#include "engine/task/glue_reader.h"

#include <string>
#include <string_view>

#include "bertq/error.h"

namespace bertq::engine {
namespace {

namespace fs = std::filesystem;

TableForm form_of(const Task& task) {
  TableForm form{task.columns, task.headerless, task.skips_short_rows, {{}, task.values}};
  for (const ClassLabel& label : task.classes) {
    form.label.classes.emplace_back(label.in_file, form.label.classes.size());
  }
  return form;
}

}  // namespace

fs::path find_task_file(const SplitFiles& files, const fs::path& folder, Split split) {
  std::string sought;
  for (const std::string_view name : split == Split::dev ? files.dev : files.test) {
    std::error_code none;
    if (fs::exists(folder / name, none)) return folder / name;
    if (!sought.empty()) sought += " or ";
    sought += name;
  }
  throw Error(ErrorKind::input,
              folder.string() + ": expected " + sought + " in this folder, got no such file");
}

ExampleSet read_glue(const Task& task, const loaders::ByteSource& source) {
  return read_table(form_of(task), source);
}

std::vector<ExampleSet> read_glue(const Task& task, const fs::path& path, Split split) {
  std::vector<ExampleSet> sets;
  std::error_code none;
  if (!fs::is_directory(path, none)) {
    sets.push_back(read_glue(task, *loaders::open_file(path)));
    return sets;
  }
  for (const SplitFiles& files : task.files) {
    sets.push_back(read_glue(task, *loaders::open_file(find_task_file(files, path, split))));
  }
  return sets;
}

}  // namespace bertq::engine
