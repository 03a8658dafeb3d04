#include "engine/model/zip_model.h"

#include <string>
#include <utility>

#include "loaders/torch_checkpoint.h"
#include "loaders/zip_archive.h"
#include "loaders/zip_folder.h"

namespace bertq::engine {
namespace {

class FolderInZip final : public ModelFolder {
 public:
  explicit FolderInZip(std::unique_ptr<const loaders::ByteSource> source)
      : source_(std::move(source)), archive_(*source_), root_(loaders::zip_root(archive_)) {}

  bool is_torch() const { return loaders::is_torch_archive(archive_); }

  std::string place(const std::string& file) const override {
    return source_->name() + ": " + root_ + file;
  }
  bool has(const std::string& file) const override {
    return archive_.find(root_ + file) != nullptr;
  }
  std::unique_ptr<const loaders::ByteSource> open(const std::string& file) const override {
    return loaders::open_member(archive_, *archive_.find(root_ + file));
  }

 private:
  std::unique_ptr<const loaders::ByteSource> source_;
  loaders::ZipArchive archive_;
  std::string root_;
};

}  // namespace

std::unique_ptr<ModelFolder> folder_in_zip(const std::filesystem::path& path) {
  std::unique_ptr<const loaders::ByteSource> source = loaders::open_file(path);
  if (!loaders::is_zip(*source)) return nullptr;
  auto folder = std::make_unique<FolderInZip>(std::move(source));
  return folder->is_torch() ? nullptr : std::move(folder);
}

}  // namespace bertq::engine
