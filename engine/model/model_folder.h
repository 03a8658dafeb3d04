// The small files of a model, wherever they are: in a folder, in an archive, in the program.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "loaders/byte_source.h"

namespace bertq::engine {

// Immutable; any number of threads may open files at once.
class ModelFolder {
 public:
  virtual ~ModelFolder() = default;
  // What `file` is called in messages; of "", what stands before all names.
  virtual std::string place(const std::string& file) const = 0;
  // True also for what cannot be opened, such as a link to nowhere: the attempt then says why.
  virtual bool has(const std::string& file) const = 0;
  // Of a file that is there; "1_Pooling/config.json" lies in a folder of its own. Throws
  // loaders::FormatError.
  virtual std::unique_ptr<const loaders::ByteSource> open(const std::string& file) const = 0;
};

std::unique_ptr<ModelFolder> folder_on_disk(const std::filesystem::path& path);
// Of texts by name, which must outlive it.
std::unique_ptr<ModelFolder> folder_in_memory(
    std::string name, std::map<std::string, std::string_view, std::less<>> files);

struct JsonFile {
  std::string name;  // for messages
  nlohmann::json content;
};

// Bytes; the largest in use, tokenizer_config.json with its added tokens, is far below.
inline constexpr std::uint64_t json_file_limit = 4'000'000;

// Throws Error (input) or loaders::FormatError.
JsonFile read_json_file(const ModelFolder& folder, const std::string& file);
std::optional<JsonFile> read_json_file_if_there(const ModelFolder& folder, const std::string& file);

}  // namespace bertq::engine
