#include "loaders/zip_folder.h"

#include <doctest/doctest.h>

#include <vector>

#include "support/temporary_folder.h"
#include "support/tensor_bundle_file.h"
#include "support/thrown_message.h"
#include "support/zip_file.h"

namespace bertq::loaders {
namespace {

using testing::deflated_member;
using testing::TemporaryFolder;
using testing::ZipFile;
using testing::ZipMember;

std::string archive_of(const std::vector<ZipMember>& members) {
  ZipFile file;
  for (const ZipMember& member : members) file.add(member);
  return file.bytes();
}

std::string root_of(const std::vector<std::string>& names) {
  std::vector<ZipMember> members;
  for (const std::string& name : names) members.push_back({.name = name, .bytes = "x"});
  const std::string bytes = archive_of(members);
  const auto source = open_memory(std::as_bytes(std::span(bytes)), "a.zip");
  return zip_root(ZipArchive(*source));
}

TEST_CASE("an archive of one folder is that folder") {
  CHECK(root_of({"top/a", "top/b", "top/inner/c"}) == "top/");
  CHECK(root_of({"top/a"}) == "top/");
  CHECK(root_of({"a", "b"}).empty());
  CHECK(root_of({"a", "top/b"}).empty());
  CHECK(root_of({"one/a", "two/a"}).empty());
  CHECK(root_of({"__MACOSX/top/._a", "top/a"}) == "top/");
  CHECK(root_of({"__MACOSX/x"}).empty());
}

// The members of a checkpoint with one tensor that holds `value`.
std::vector<ZipMember> members_of(const std::string& prefix, float value, bool deflate) {
  testing::BundleFile bundle;
  bundle.add_f32("t", {2}, {value, value});
  std::vector<ZipMember> members;
  for (const auto& [suffix, bytes] : std::vector<std::pair<std::string, std::string>>{
           {".index", bundle.index()}, {".data-00000-of-00001", bundle.data()}}) {
    members.push_back(deflate ? deflated_member(prefix + suffix, bytes)
                              : ZipMember{.name = prefix + suffix, .bytes = bytes});
  }
  return members;
}

float value_of(const std::string& bytes) {
  const Checkpoint checkpoint =
      open_checkpoint_file(open_memory(std::as_bytes(std::span(bytes)), "a.zip"));
  CHECK(checkpoint.format == "TensorFlow");
  CHECK(checkpoint.file_bytes == bytes.size());
  REQUIRE(checkpoint.tensors.size() == 1);
  std::vector<float> value(2);
  verify_checksum(checkpoint.tensors.front());
  read_f32(checkpoint.tensors.front(), 0, value);
  return value.front();
}

std::string complaint(const std::string& bytes) {
  return testing::thrown_message<FormatError>([&] { value_of(bytes); });
}

TEST_CASE("a TensorFlow checkpoint opens in its archive, stored or deflated") {
  for (const bool deflate : {false, true}) {
    CHECK(value_of(archive_of(members_of("top/bert_model.ckpt", 7, deflate))) == 7);
    CHECK(value_of(archive_of(members_of("bert_model.ckpt", 8, deflate))) == 8);
    std::vector<ZipMember> two = members_of("top/model.ckpt-1", 1, deflate);
    for (const ZipMember& member : members_of("top/model.ckpt-2", 2, deflate)) {
      two.push_back(member);
    }
    CHECK(complaint(archive_of(two)) ==
          "a.zip: top/: expected one *.index, or a file \"checkpoint\" that names one, got "
          "model.ckpt-1.index and model.ckpt-2.index");
    two.push_back({.name = "top/checkpoint", .bytes = "model_checkpoint_path: \"model.ckpt-2\""});
    CHECK(value_of(archive_of(two)) == 2);
    two.back().bytes = "model_checkpoint_path: \"model.ckpt-3\"";
    CHECK(complaint(archive_of(two)) ==
          "a.zip: top/checkpoint: model_checkpoint_path: expected one of the folder's *.index, got "
          "model.ckpt-3");
  }
}

TEST_CASE("an archive that lacks a file of the checkpoint, or the checkpoint, is refused") {
  std::vector<ZipMember> members = members_of("top/bert_model.ckpt", 7, true);
  members.pop_back();
  CHECK(complaint(archive_of(members)) ==
        "a.zip: expected a member top/bert_model.ckpt.data-00000-of-00001, found none");
  CHECK(complaint(archive_of({{.name = "top/vocab.txt", .bytes = "x"}})) ==
        "a.zip: expected PyTorch's data.pkl or TensorFlow's *.index in the archive, found neither");
  members = members_of("top/bert_model.ckpt", 7, false);
  members.front().bytes[5] ^= 1;
  CHECK(complaint(archive_of(members))
            .starts_with("a.zip: top/bert_model.ckpt.index: block at byte 0: expected the "
                         "checksum "));
}

TEST_CASE("a stored checkpoint is read in place for as long as it lives") {
  const TemporaryFolder folder;
  const auto path = folder.write("m.zip", archive_of(members_of("top/bert_model.ckpt", 7, false)));
  const Checkpoint checkpoint = open_checkpoint(path);
  CHECK(checkpoint.name == path.string() + ": top/bert_model.ckpt.index");
  std::vector<float> value(2);
  read_f32(checkpoint.tensors.front(), 0, value);
  CHECK(value == std::vector<float>{7, 7});
}

}  // namespace
}  // namespace bertq::loaders
