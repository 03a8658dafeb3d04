#include "loaders/tensorflow_files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <vector>

#include "support/safetensors_file.h"
#include "support/temporary_folder.h"
#include "support/tensor_bundle_file.h"
#include "support/thrown_message.h"

namespace bertq::loaders {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

// Writes PREFIX.index and PREFIX.data-00000-of-00001 with one tensor, that holds `value`.
void write_checkpoint(const TemporaryFolder& folder, const std::string& prefix, float value) {
  testing::BundleFile bundle;
  bundle.add_f32("t", {1}, {value});
  folder.write(prefix + ".index", bundle.index());
  folder.write(prefix + ".data-00000-of-00001", bundle.data());
}

float value_of(const fs::path& path) {
  const Checkpoint checkpoint = open_checkpoint(path);
  REQUIRE(checkpoint.tensors.size() == 1);
  std::vector<float> value(1);
  read_f32(checkpoint.tensors.front(), 0, value);
  return value.front();
}

std::string complaint(const fs::path& path) {
  return testing::thrown_message<FormatError>([&] { open_checkpoint(path); });
}

TEST_CASE("a file's name tells its prefix") {
  struct Row {
    std::string file;
    std::optional<std::string> prefix;
  };
  for (const Row& row : std::vector<Row>{
           {"a/bert_model.ckpt.index", "a/bert_model.ckpt"},
           {"a/bert_model.ckpt.meta", "a/bert_model.ckpt"},
           {"a/bert_model.ckpt.data-00000-of-00001", "a/bert_model.ckpt"},
           {"x.data-00012-of-00345", "x"},
           {"a/bert_model.ckpt", std::nullopt},
           {"model.safetensors.index.json", std::nullopt},
           {"x.data-0000-of-00001", std::nullopt},
           {"x.data-00000-of-0000x", std::nullopt},
           {"x.data-00000-of-00001.gz", std::nullopt},
           {"", std::nullopt},
       }) {
    CHECK(tensorflow_prefix(row.file) == row.prefix);
  }
}

TEST_CASE("a checkpoint opens by its folder, its prefix and each of its files") {
  const TemporaryFolder folder;
  write_checkpoint(folder, "bert_model.ckpt", 7);
  folder.write("bert_model.ckpt.meta", "a graph");
  for (const char* name : {"", "bert_model.ckpt", "bert_model.ckpt.index", "bert_model.ckpt.meta",
                           "bert_model.ckpt.data-00000-of-00001"}) {
    CHECK(value_of(folder / name) == 7);
  }
  CHECK(open_checkpoint(folder.path()).name == (folder / "bert_model.ckpt.index").string());
}

TEST_CASE("of several checkpoints in a folder it is the one that \"checkpoint\" names") {
  const TemporaryFolder folder;
  const std::string here = folder.path().string();
  write_checkpoint(folder, "model.ckpt-9", 9);
  write_checkpoint(folder, "model.ckpt-10", 10);
  CHECK(complaint(folder.path()) ==
        here +
            ": expected one *.index, or a file \"checkpoint\" that names one, got "
            "model.ckpt-10.index and model.ckpt-9.index");
  CHECK(value_of(folder / "model.ckpt-9") == 9);
  struct Row {
    std::string state;
    float value;
  };
  for (const Row& row : std::vector<Row>{
           {"model_checkpoint_path: \"model.ckpt-9\"\n", 9},
           {"model_checkpoint_path: \"model.ckpt-10\"\nall_model_checkpoint_paths: "
            "\"model.ckpt-9\"\n",
            10},
           {"all_model_checkpoint_paths: \"model.ckpt-9\"\nmodel_checkpoint_path: "
            "\"/elsewhere/out/model.ckpt-10\"",
            10},
           {"model_checkpoint_path: \"../model.ckpt-9\"\n", 9},
       }) {
    folder.write("checkpoint", row.state);
    CHECK(value_of(folder.path()) == row.value);
  }
  const std::string place = here + "/checkpoint: ";
  const std::string no_quotes = "model_checkpoint_path: expected a path in quotes, got";
  const std::string none = "expected a line with model_checkpoint_path, found none";
  const std::string other = "model_checkpoint_path: expected one of the folder's *.index, got ";
  struct Bad {
    std::string state, message;
  };
  for (const Bad& bad : std::vector<Bad>{
           {"", none},
           {"all_model_checkpoint_paths: \"model.ckpt-9\"\n", none},
           {"model_checkpoint_path: model.ckpt-9\n", no_quotes + " model.ckpt-9"},
           {"model_checkpoint_path: \"model.ckpt-9\n", no_quotes + " \"model.ckpt-9"},
           {"model_checkpoint_path: \"model\\.ckpt-9\"\n", no_quotes + " \"model\\\\.ckpt-9\""},
           {"model_checkpoint_path: \"model.ckpt-8\"\n", other + "model.ckpt-8"},
           {"model_checkpoint_path: \"..\"\n", other + ".."},
           {"model_checkpoint_path: \"\"\n", other},
           {"model_checkpoint_path: \"model.ckpt-9\\n\"\n", no_quotes + " \"model.ckpt-9\\\\n\""},
       }) {
    folder.write("checkpoint", bad.state);
    CHECK(complaint(folder.path()) == place + bad.message);
  }
  fs::remove(folder / "checkpoint");
  write_checkpoint(folder, "bert_model.ckpt", 1);
  CHECK(value_of(folder.path()) == 1);
}

TEST_CASE("a \"checkpoint\" that names another folder's never leads there") {
  const TemporaryFolder folder;
  write_checkpoint(folder, "inner/a", 1);
  write_checkpoint(folder, "inner/b", 2);
  write_checkpoint(folder, "secret", 3);
  folder.write("inner/checkpoint", "model_checkpoint_path: \"../secret\"\n");
  CHECK(complaint(folder / "inner") ==
        (folder / "inner").string() +
            "/checkpoint: model_checkpoint_path: expected one of the folder's *.index, got secret");
}

TEST_CASE("an index, a shard or a \"checkpoint\" that is no plain file is refused at once") {
  struct Row {
    void (*put)(const fs::path& path);
    std::string got;
  };
  for (const Row& row : std::vector<Row>{
           {[](const fs::path& path) { ::mkfifo(path.c_str(), 0600); },
            ": expected a file, got a named pipe"},
           {[](const fs::path& path) { fs::create_directory(path); },
            ": expected a file, got a folder"},
           {[](const fs::path& path) { fs::create_symlink("/dev/zero", path); },
            ": expected a file, got a device"},
           {[](const fs::path& path) { fs::create_symlink(path.filename(), path); },
            ": expected a readable file, got: Too many levels of symbolic links"},
           {[](const fs::path& path) { fs::create_symlink("nowhere", path); },
            ": expected a readable file, got: No such file or directory"},
       }) {
    for (const char* name : {"a.index", "a.data-00000-of-00001", "checkpoint"}) {
      const TemporaryFolder folder;
      write_checkpoint(folder, "a", 1);
      write_checkpoint(folder, "b", 1);
      folder.write("checkpoint", "model_checkpoint_path: \"a\"");
      fs::remove(folder / name);
      row.put(folder / name);
      CHECK(complaint(folder.path()) == (folder / name).string() + row.got);
    }
  }
}

TEST_CASE("safetensors in the same folder come first") {
  const TemporaryFolder folder;
  write_checkpoint(folder, "bert_model.ckpt", 7);
  folder.write("model.safetensors", testing::SafetensorsFile().add_f32("t", {1}, {5}).bytes());
  CHECK(value_of(folder.path()) == 5);
  CHECK(value_of(folder / "bert_model.ckpt") == 7);
}

TEST_CASE("a checkpoint that lacks a file is refused by the name of that file") {
  const TemporaryFolder folder;
  write_checkpoint(folder, "a", 1);
  fs::remove(folder / "a.data-00000-of-00001");
  const std::string expected = ": expected a readable file, got: No such file or directory";
  const std::string shard = (folder / "a.data-00000-of-00001").string();
  CHECK(complaint(folder.path()) == shard + expected);
  fs::create_directory(shard);
  CHECK(complaint(folder / "a") == shard + ": expected a file, got a folder");
  write_checkpoint(folder, "b", 1);
  fs::remove(folder / "b.index");
  CHECK(complaint(folder / "b.data-00000-of-00001") == (folder / "b.index").string() + expected);
  folder.write("b.index", "");
  CHECK(complaint(folder / "b.index") ==
        (folder / "b.index").string() +
            ": expected at least 48 bytes, the footer of a table, got 0");
}

}  // namespace
}  // namespace bertq::loaders
