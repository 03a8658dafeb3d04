// Files of a model's folder: what is there, and the small JSON ones read.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace bertq {

// True also for what cannot be opened, such as a link to nowhere: the attempt then says why.
bool is_there(const std::filesystem::path& path);

struct JsonFile {
  std::string name;  // for messages
  nlohmann::json content;
};

// Bytes; the largest in use, tokenizer_config.json with its added tokens, is far below.
inline constexpr std::uint64_t json_file_limit = 4'000'000;

// Throws Error (input) or loaders::FormatError.
JsonFile read_json_file(const std::filesystem::path& path);
std::optional<JsonFile> read_json_file_if_there(const std::filesystem::path& path);

}  // namespace bertq
