#include "loaders/zip_folder.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "loaders/printable.h"
#include "loaders/tensorflow_checkpoint.h"
#include "loaders/tensorflow_files.h"

namespace bertq::loaders {
namespace {

bool counts(const ZipEntry& entry) {
  return !entry.name.starts_with("__MACOSX/");
}

// The members by their names in the folder.
std::vector<std::string> names_in(const ZipArchive& archive, std::string_view root) {
  std::vector<std::string> names;
  for (const ZipEntry& entry : archive.entries()) {
    if (counts(entry)) names.push_back(entry.name.substr(root.size()));
  }
  return names;
}

std::unique_ptr<const ByteSource> open_named(const ZipArchive& archive, const std::string& name) {
  const ZipEntry* const entry = archive.find(name);
  if (entry != nullptr) return open_member(archive, *entry);
  throw FormatError(archive.source().name() + ": expected a member " + printable(name) +
                    ", found none");
}

}  // namespace

std::string zip_root(const ZipArchive& archive) {
  const auto& entries = archive.entries();
  const auto first = std::find_if(entries.begin(), entries.end(), counts);
  if (first == entries.end()) return {};
  const std::string root = first->name.substr(0, first->name.find('/') + 1);  // npos + 1 is 0
  const bool common = std::all_of(first, entries.end(), [&](const ZipEntry& entry) {
    return !counts(entry) || entry.name.starts_with(root);
  });
  return common ? root : std::string();
}

bool is_tensorflow_archive(const ZipArchive& archive) {
  const auto& entries = archive.entries();
  return std::any_of(entries.begin(), entries.end(), [](const ZipEntry& entry) {
    return counts(entry) && entry.name.ends_with(".index");
  });
}

Checkpoint open_tensorflow_zip(std::unique_ptr<const ByteSource> source,
                               const ZipArchive& archive) {
  const std::string root = zip_root(archive);
  const auto open = [&](const std::string& file) { return open_named(archive, root + file); };
  const auto prefix =
      tensorflow_prefix_among(names_in(archive, root), source->name() + ": " + root, open);
  if (!prefix) throw FormatError(source->name() + ": expected a *.index, found none");
  const auto index = open(*prefix + ".index");
  Checkpoint checkpoint = open_tensorflow_checkpoint(
      *index, [&](const std::string& suffix) { return open(*prefix + suffix); });
  checkpoint.file_bytes = source->size();
  checkpoint.sources.push_back(std::move(source));  // of stored members
  return checkpoint;
}

}  // namespace bertq::loaders
