// The files of a TensorFlow checkpoint: which belong together, and which of a folder's is meant.
//
// People name one checkpoint in many ways: by its folder, by the prefix of its files, which is no
// file itself ("uncased/bert_model.ckpt"), or by any of the files.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "loaders/checkpoint.h"

namespace bertq::loaders {

// "a/model.ckpt" for "a/model.ckpt.index", "a/model.ckpt.meta" and
// "a/model.ckpt.data-00000-of-00001"; empty for other names.
std::optional<std::string> tensorflow_prefix(std::string_view file);

// Which prefix a folder with these files means; empty if it holds no "*.index". Where there are
// several it is the one that the text file "checkpoint" names, else "bert_model.ckpt"; FormatError,
// beginning with `folder`, if neither decides. Of the path in "checkpoint" only the last name
// counts: folders are moved after the training, and none leads out of itself. `open` is asked for
// that file only.
std::optional<std::string> tensorflow_prefix_among(
    std::span<const std::string> files, const std::string& folder,
    const std::function<std::unique_ptr<const ByteSource>(const std::string& file)>& open);

// The prefix that `path` means: a folder, a file of the checkpoint, or the prefix itself. Empty if
// it means none.
std::optional<std::filesystem::path> find_tensorflow_prefix(const std::filesystem::path& path);

Checkpoint open_tensorflow_files(const std::filesystem::path& prefix);

}  // namespace bertq::loaders
