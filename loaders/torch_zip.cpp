#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loaders/printable.h"
#include "loaders/torch_checkpoint.h"
#include "loaders/torch_names.h"
#include "loaders/torch_state.h"
#include "loaders/torch_storage.h"
#include "loaders/torch_tensors.h"

namespace bertq::loaders {
namespace {

constexpr std::string_view pickle_name = "/data.pkl", storage_folder = "/data/",
                           byte_order_name = "/byteorder", script_mark = "/constants.pkl";

std::string joined(std::string_view root, std::string_view folder, std::string_view name = {}) {
  std::string all(root);
  return all.append(folder).append(name);
}

bool is_pickle(const ZipEntry& entry) {
  return entry.name.ends_with(pickle_name);
}

void expect_stored(const ByteSource& source, const ZipEntry& entry) {
  if (entry.method == ZipMethod::stored) return;
  throw FormatError(source.name() + ": member " + printable(entry.name) +
                    ": expected it stored, as PyTorch does, got it compressed");
}

class Storages final : public TorchStorages {
 public:
  Storages(const ZipArchive& archive, std::string root)
      : archive_(archive), root_(std::move(root)), checksums_(archive.entries().size()) {}

  TorchStorage find(const PickleValues& values, PickleIndex identity,
                    const std::string& place) override {
    const TorchStorageId id = read_storage_id(values, identity, place);
    const std::string name = joined(root_, storage_folder, id.key);
    const ZipEntry* entry = archive_.find(name);
    if (entry == nullptr) {
      throw FormatError(place + ": expected its storage in " + printable(name) +
                        ", found no such member");
    }
    expect_stored(archive_.source(), *entry);
    if (entry->size != id.bytes(place)) {
      throw FormatError(place + ": expected " + std::to_string(id.bytes(place)) + " bytes in " +
                        printable(name) + ", got " + std::to_string(entry->size));
    }
    return {id.dtype, id.quantized, entry->offset, entry->size, checksum(*entry)};
  }

 private:
  std::shared_ptr<const Checksum> checksum(const ZipEntry& entry) {
    if (!archive_.has_checksums()) return nullptr;
    auto& known = checksums_[static_cast<std::size_t>(&entry - archive_.entries().data())];
    if (!known) known = std::make_shared<const Checksum>(checksum_of(entry));
    return known;
  }

  const ZipArchive& archive_;
  std::string root_;
  std::vector<std::shared_ptr<const Checksum>> checksums_;  // by entry, as they are asked for
};

// Where the pickle is, and so the root of all names. Exactly one.
const ZipEntry& find_pickle(const ZipArchive& archive) {
  const auto& entries = archive.entries();
  const auto first = std::find_if(entries.begin(), entries.end(), is_pickle);
  const auto second = std::find_if(std::next(first), entries.end(), is_pickle);
  if (second != entries.end()) {
    throw FormatError(archive.source().name() + ": expected one data.pkl, got " +
                      printable(first->name) + " and " + printable(second->name));
  }
  return *first;
}

void check_byte_order(const ZipArchive& archive, const std::string& root) {
  constexpr std::uint64_t longest = 16;
  const ZipEntry* entry = archive.find(joined(root, byte_order_name));
  if (entry == nullptr) return;  // files before torch 2.1: little, wherever they were made
  const auto source = open_member(archive, *entry);
  const std::string order = read_text(*source, longest);
  if (order == "little") return;
  throw FormatError(source->name() + ": expected 'little', got '" + printable(order) + "'");
}

}  // namespace

bool is_torch_archive(const ZipArchive& archive) {
  const auto& entries = archive.entries();
  return std::any_of(entries.begin(), entries.end(), is_pickle);
}

Checkpoint open_torch_zip(std::unique_ptr<const ByteSource> source, const ZipArchive& archive) {
  const ZipEntry& entry = find_pickle(archive);
  expect_stored(*source, entry);
  const std::string root = entry.name.substr(0, entry.name.size() - pickle_name.size());
  check_byte_order(archive, root);
  const bool script = archive.find(joined(root, script_mark)) != nullptr;

  Checkpoint checkpoint;
  checkpoint.name = source->name();
  checkpoint.format = script ? "TorchScript" : "PyTorch";
  checkpoint.file_bytes = source->size();
  if (!archive.has_checksums()) {
    checkpoint.remarks.push_back(source->name() + ": keeps no checksums of its tensors");
  }
  const auto member = open_member(archive, entry);
  const Pickle pickle =
      read_pickle(*member, 0, member->size(), torch_names(script), {member->name(), 0});
  if (pickle.size != member->size()) {
    throw FormatError(member->name() + ": byte " + std::to_string(pickle.size) +
                      ": expected the end of the pickle, got more bytes");
  }
  Storages storages(archive, root);
  TorchTensors tensors(*source, pickle.values, storages);
  add_torch_state(checkpoint, pickle, tensors);
  checkpoint.sources.push_back(std::move(source));
  return checkpoint;
}

}  // namespace bertq::loaders
