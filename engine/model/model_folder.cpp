#include "engine/model/model_folder.h"

#include <system_error>

#include "engine/model/json_fields.h"
#include "loaders/byte_source.h"

namespace bertq {

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

JsonFile read_json_file(const std::filesystem::path& path) {
  const auto source = loaders::open_file(path);
  return {source->name(),
          parse_json_file(loaders::read_text(*source, json_file_limit), source->name())};
}

std::optional<JsonFile> read_json_file_if_there(const std::filesystem::path& path) {
  if (!is_there(path)) return std::nullopt;
  return read_json_file(path);
}

}  // namespace bertq
