#include "loaders/checkpoint_folder.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "loaders/byte_source.h"
#include "loaders/printable.h"
#include "loaders/tensorflow_files.h"

namespace bertq::loaders {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

// What a folder may hold instead: worth naming, since the folder is not empty.
constexpr std::array<std::string_view, 3> other_files{"tf_model.h5", "flax_model.msgpack",
                                                      "model.onnx"};
// What training leaves beside the weights, by how its names begin.
constexpr std::array<std::string_view, 6> training_files{
    "training_args", "optimizer", "scheduler", "scaler", "rng_state", "random_states"};
constexpr std::array<std::string_view, 4> weight_suffixes{".safetensors", ".bin", ".pt", ".pth"};
// Weights that a folder may hold beside those that it means.
constexpr std::array<std::string_view, 4> twins{"pytorch_model.bin", "quant_pytorch_model.bin",
                                                "best_model_weights.pt", "best_model.pt"};

bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

template <typename Range>
bool begins_with_any(std::string_view name, const Range& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](std::string_view beginning) { return name.starts_with(beginning); });
}

// "model-00001-of-00002.bin"
bool is_shard(std::string_view name) {
  return name.find("-of-") != std::string_view::npos;
}

bool is_weights(std::string_view name) {
  return std::any_of(weight_suffixes.begin(), weight_suffixes.end(),
                     [&](std::string_view suffix) { return name.ends_with(suffix); }) &&
         !is_shard(name) && !begins_with_any(name, training_files);
}

// Sorted; folders in it are no files.
Names files_in(const fs::path& folder) {
  std::error_code error, ignored;
  Names names;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->is_directory(ignored)) names.push_back(entry->path().filename().string());
  }
  if (error) {
    throw FormatError(folder.string() + ": expected a readable folder, got: " + error.message());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// The only one of those that fit; empty if none does.
template <typename Fits>
std::optional<std::string> only_one(const fs::path& folder, const Names& names,
                                    std::string_view expected, Fits fits) {
  Names found;
  std::copy_if(names.begin(), names.end(), std::back_inserter(found), fits);
  if (found.empty()) return std::nullopt;
  if (found.size() == 1) return found.front();
  throw FormatError(folder.string() + ": expected one " + std::string(expected) + ", got " +
                    printable(found[0]) + " and " + printable(found[1]));
}

std::optional<std::string> index_in(const fs::path& folder, const Names& names,
                                    std::string_view usual, std::string_view suffix) {
  if (contains(names, usual)) return std::string(usual);
  return only_one(folder, names, std::string("*").append(suffix),
                  [&](const std::string& name) { return name.ends_with(suffix); });
}

std::optional<std::string> name_if_there(const Names& names, std::string_view name) {
  if (!contains(names, name)) return std::nullopt;
  return std::string(name);
}

std::optional<std::string> tensorflow_in(const fs::path& folder) {
  const auto prefix = find_tensorflow_prefix(folder);
  if (!prefix) return std::nullopt;
  return prefix->filename().string() + ".index";
}

// The ways to find a checkpoint, in the order of the header.
using Way = std::optional<std::string> (*)(const fs::path& folder, const Names& names);
constexpr std::array<Way, 6> ways{
    [](const fs::path&, const Names& names) { return name_if_there(names, "model.safetensors"); },
    [](const fs::path& folder, const Names& names) {
      return index_in(folder, names, "model.safetensors.index.json", ".safetensors.index.json");
    },
    [](const fs::path&, const Names& names) { return name_if_there(names, "pytorch_model.bin"); },
    [](const fs::path& folder, const Names& names) {
      return index_in(folder, names, "pytorch_model.bin.index.json", ".bin.index.json");
    },
    [](const fs::path& folder, const Names&) { return tensorflow_in(folder); },
    [](const fs::path& folder, const Names& names) {
      return only_one(folder, names, "*.safetensors, *.bin or *.pt",
                      [](const std::string& name) { return is_weights(name); });
    },
};

[[noreturn]] void throw_nothing_found(const fs::path& folder, const Names& names) {
  std::string message = folder.string() +
                        ": expected model.safetensors, pytorch_model.bin, their .index.json, or "
                        "a TensorFlow checkpoint, found none";
  for (const std::string_view other : other_files) {
    if (contains(names, other)) {
      message += " (" + std::string(other) + " is there, but bertq does not read it)";
    }
  }
  throw FormatError(message);
}

std::string remark_on_twins(const fs::path& folder, const Names& names, std::string_view chosen) {
  std::string others;
  for (const std::string_view twin : twins) {
    if (twin == chosen || !contains(names, twin)) continue;
    others.append(others.empty() ? "" : " and ").append(twin);
  }
  if (others.empty()) return {};
  return (folder / chosen).string() + ": read in place of " + others + ", also in the folder";
}

}  // namespace

FolderChoice checkpoint_in(const fs::path& folder) {
  const Names names = files_in(folder);
  for (const Way way : ways) {
    const std::optional<std::string> file = way(folder, names);
    if (!file) continue;
    return {folder / *file, remark_on_twins(folder, names, *file)};
  }
  throw_nothing_found(folder, names);
}

}  // namespace bertq::loaders
