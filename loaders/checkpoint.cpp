#include "loaders/checkpoint.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "loaders/bertq_file.h"
#include "loaders/bertq_header.h"
#include "loaders/safetensors.h"
#include "loaders/sharded_index.h"
#include "loaders/tensorflow_files.h"

namespace bertq::loaders {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view single_file = "model.safetensors";
constexpr std::string_view index_suffix = ".safetensors.index.json";
// What a folder may hold instead: worth naming, since the folder is not empty.
constexpr std::array<std::string_view, 4> other_files{"pytorch_model.bin", "tf_model.h5",
                                                      "flax_model.msgpack", "model.onnx"};

bool is_index(const fs::path& path) {
  return path.filename().string().ends_with(index_suffix);
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

std::vector<fs::path> indices_in(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (is_index(entry->path())) found.push_back(entry->path());
  }
  if (error) {
    throw FormatError(folder.string() + ": expected a readable folder, got: " + error.message());
  }
  std::sort(found.begin(), found.end());
  return found;
}

[[noreturn]] void throw_nothing_found(const fs::path& folder) {
  std::string message = folder.string() + ": expected " + std::string(single_file) + " or *" +
                        std::string(index_suffix) + ", found neither";
  for (const std::string_view other : other_files) {
    if (is_there(folder / other)) {
      message += " (" + std::string(other) + " is there, but bertq does not read it yet)";
    }
  }
  throw FormatError(message);
}

fs::path checkpoint_in(const fs::path& folder) {
  if (is_there(folder / single_file)) return folder / single_file;
  const std::vector<fs::path> indices = indices_in(folder);
  if (indices.empty()) {
    if (const auto prefix = find_tensorflow_prefix(folder)) return prefix->string() + ".index";
    throw_nothing_found(folder);
  }
  const fs::path usual = folder / ("model" + std::string(index_suffix));
  if (std::find(indices.begin(), indices.end(), usual) != indices.end()) return usual;
  if (indices.size() > 1) {
    throw FormatError(folder.string() + ": expected one *" + std::string(index_suffix) + ", got " +
                      indices[0].filename().string() + " and " + indices[1].filename().string());
  }
  return indices.front();
}

}  // namespace

const Tensor* Checkpoint::find(std::string_view tensor) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const Tensor& known) { return known.name == tensor; });
  return found == tensors.end() ? nullptr : &*found;
}

Checkpoint open_checkpoint(const fs::path& path) {
  std::error_code ignored;
  const fs::path file = fs::is_directory(path, ignored) ? checkpoint_in(path) : path;
  if (is_index(file)) return open_shards(file);
  if (const auto prefix = find_tensorflow_prefix(file)) return open_tensorflow_files(*prefix);
  return open_checkpoint_file(open_file(file));
}

Checkpoint open_checkpoint_file(std::unique_ptr<const ByteSource> source) {
  if (is_bertq(*source)) return open_bertq(std::move(source)).checkpoint;
  return open_safetensors(std::move(source));
}

}  // namespace bertq::loaders
