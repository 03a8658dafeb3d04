// A checkpoint as named tensors, whatever its format. Opening one validates all its metadata
// against the size of its files and allocates nothing for the tensors; each tensor is read on its
// own when asked for (tensor.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "loaders/byte_source.h"
#include "loaders/tensor.h"

namespace bertq::loaders {

// What a checkpoint holds beside tensors: a number, a truth value or a name.
using Attribute = std::variant<std::int64_t, double, bool, std::string>;

// Immutable once opened; any number of threads may read its tensors at once.
struct Checkpoint {
  std::string name;              // the file, or the index of its shards
  std::string_view format;       // "safetensors", "PyTorch", ...
  std::uint64_t file_bytes = 0;  // of all its files
  std::vector<std::unique_ptr<const ByteSource>> sources;
  std::vector<Tensor> tensors;  // in the order of the files
  // By dotted path, as tensors are: "bert.pooler.dense._packed_params.dtype" -> "torch.qint8".
  std::map<std::string, Attribute, std::less<>> attributes;
  // PyTorch's state_dict._metadata: the version of each module's stored form, by its path.
  std::map<std::string, std::int64_t, std::less<>> module_versions;
  // What is odd about the files but does no harm, a line each.
  std::vector<std::string> remarks;

  // Null if there is none of this name.
  const Tensor* find(std::string_view tensor) const;
};

// Opens what `path` is: a file, the index of shards, or a folder that holds a checkpoint
// (checkpoint_folder.h says which of its files that is). FormatError if there is none, naming what
// was sought.
Checkpoint open_checkpoint(const std::filesystem::path& path);
// Opens one file that is no index of shards, told apart by its first bytes.
Checkpoint open_checkpoint_file(std::unique_ptr<const ByteSource> source);

}  // namespace bertq::loaders
