#include "engine/model/model_folder.h"

#include <system_error>
#include <utility>

#include "engine/model/json_fields.h"

namespace bertq::engine {
namespace {

class FolderOnDisk final : public ModelFolder {
 public:
  explicit FolderOnDisk(std::filesystem::path path) : path_(std::move(path)) {}

  std::string place(const std::string& file) const override { return (path_ / file).string(); }
  bool has(const std::string& file) const override {
    std::error_code ignored;
    return std::filesystem::exists(std::filesystem::symlink_status(path_ / file, ignored));
  }
  std::unique_ptr<const loaders::ByteSource> open(const std::string& file) const override {
    return loaders::open_file(path_ / file);
  }

 private:
  std::filesystem::path path_;
};

class FolderInMemory final : public ModelFolder {
 public:
  FolderInMemory(std::string name, std::map<std::string, std::string_view, std::less<>> files)
      : name_(std::move(name)), files_(std::move(files)) {}

  std::string place(const std::string& file) const override { return name_ + "/" + file; }
  bool has(const std::string& file) const override { return files_.contains(file); }
  std::unique_ptr<const loaders::ByteSource> open(const std::string& file) const override {
    return loaders::open_memory(std::as_bytes(std::span(files_.at(file))), place(file));
  }

 private:
  std::string name_;
  std::map<std::string, std::string_view, std::less<>> files_;
};

}  // namespace

std::unique_ptr<ModelFolder> folder_on_disk(const std::filesystem::path& path) {
  return std::make_unique<FolderOnDisk>(path);
}

std::unique_ptr<ModelFolder> folder_in_memory(
    std::string name, std::map<std::string, std::string_view, std::less<>> files) {
  return std::make_unique<FolderInMemory>(std::move(name), std::move(files));
}

JsonFile read_json_file(const ModelFolder& folder, const std::string& file) {
  const auto source = folder.open(file);
  return {source->name(),
          parse_json_file(loaders::read_text(*source, json_file_limit), source->name())};
}

std::optional<JsonFile> read_json_file_if_there(const ModelFolder& folder,
                                                const std::string& file) {
  if (!folder.has(file)) return std::nullopt;
  return read_json_file(folder, file);
}

}  // namespace bertq::engine
