#include "loaders/sharded_index.h"

#include <doctest/doctest.h>

#include <vector>

#include "support/safetensors_file.h"
#include "support/temporary_folder.h"
#include "support/thrown_message.h"

namespace bertq::loaders {
namespace {

namespace fs = std::filesystem;
using testing::SafetensorsFile;
using testing::TemporaryFolder;

constexpr std::string_view index_name = "model.safetensors.index.json";
constexpr std::string_view good_index =
    R"({"metadata":{"total_size":24},"weight_map":{"c":"2.safetensors","a":"1.safetensors",)"
    R"("b":"1.safetensors"}})";

// Two shards, "a" and "b" in the first, "c" in the second.
struct Shards {
  Shards() {
    folder.write("1.safetensors",
                 SafetensorsFile().add_f32("b", {2}, {3, 4}).add_f32("a", {2}, {1, 2}).bytes());
    folder.write("2.safetensors", SafetensorsFile().add_f32("c", {2}, {5, 6}).bytes());
  }
  std::string complaint(std::string_view index) const {
    const fs::path path = folder.write(index_name, index);
    std::string message = testing::thrown_message<FormatError>([&] { open_checkpoint(path); });
    for (std::size_t at = 0; (at = message.find(prefix(), at)) != std::string::npos;) {
      message.erase(at, prefix().size());
    }
    return message;
  }
  std::string prefix() const { return folder.path().string() + "/"; }

  TemporaryFolder folder;
};

std::vector<float> read(const Checkpoint& checkpoint, std::string_view name) {
  for (std::size_t i = 0; i < checkpoint.tensors.size(); ++i) {
    if (checkpoint.tensors[i].name != name) continue;
    std::vector<float> out(checkpoint.tensors[i].elements);
    read_f32(checkpoint.tensors[i], 0, out);
    return out;
  }
  return {};
}

TEST_CASE("shards read as one checkpoint") {
  const Shards shards;
  const fs::path index = shards.folder.write(index_name, good_index);
  for (const fs::path& path : {index, shards.folder.path()}) {
    const auto checkpoint = open_checkpoint(path);
    CHECK(checkpoint.name == index.string());
    CHECK(checkpoint.format == "safetensors");
    CHECK(checkpoint.remarks.empty());
    CHECK(checkpoint.file_bytes == fs::file_size(shards.folder / "1.safetensors") +
                                       fs::file_size(shards.folder / "2.safetensors"));
    REQUIRE(checkpoint.tensors.size() == 3);
    CHECK(checkpoint.tensors[0].name == "b");  // in the order of the files
    CHECK(checkpoint.tensors[2].file() == shards.prefix() + "2.safetensors");
    CHECK(read(checkpoint, "a") == std::vector<float>{1, 2});
    CHECK(read(checkpoint, "b") == std::vector<float>{3, 4});
    CHECK(read(checkpoint, "c") == std::vector<float>{5, 6});
    std::vector<float> out(1);
  }
}

TEST_CASE("links in the folder are followed, as in the Hugging Face cache") {
  const Shards shards;
  const TemporaryFolder cache;
  for (const std::string_view name : {"1.safetensors", "2.safetensors"}) {
    fs::create_symlink(shards.folder / name, cache / name);
  }
  const fs::path index = shards.folder.write("blob", good_index);
  fs::create_symlink(index, cache / index_name);
  CHECK(read(open_checkpoint(cache.path()), "c") == std::vector<float>{5, 6});
}

TEST_CASE("a wrong total_size is remarked on, other metadata are nobody's business") {
  const Shards shards;
  const std::string map(good_index.substr(good_index.find("\"weight_map\"")));
  const fs::path index = shards.folder.write(index_name, R"({"metadata":{"total_size":25},)" + map);
  const auto checkpoint = open_checkpoint(index);
  REQUIRE(checkpoint.remarks.size() == 1);
  CHECK(checkpoint.remarks[0] == index.string() + ": total_size: expected 24, got 25");
  for (const std::string metadata : {"{\"", R"({"metadata":{},")", R"({"metadata":{"x":[1]},")",
                                     R"({"metadata":{"total_size":24.0},")"}) {
    CAPTURE(metadata);
    CHECK(shards.complaint(metadata + map.substr(1)) == "(nothing thrown)");
  }
}

TEST_CASE("bad indices") {
  const auto map = [](std::string_view entries) {
    return R"({"weight_map":{)" + std::string(entries) + "}}";
  };
  const std::string plain =
      "expected the plain name of a .safetensors file in the same folder, got ";
  const std::string all = R"("a":"1.safetensors","b":"1.safetensors","c":"2.safetensors")";
  struct Row {
    std::string index, complaint;
  };
  const std::string name(index_name);
  const std::vector<Row> rows{
      {"", name + ": byte 0: expected JSON in UTF-8, got the end"},
      {"[]", name + ": index: expected an object, got an array"},
      {"{}", name + ": expected a key weight_map, found none"},
      {R"({"weight_map":[]})", name + ": weight_map: expected an object, got an array"},
      {R"({"weight_map":{},"weight_map":{}})", name + ": duplicate key weight_map"},
      {map(R"("a":1)"), name + ": tensor a: expected the name of a file, got 1"},
      {map(R"("a":["1.safetensors"])"),
       name + ": tensor a: expected the name of a file, got an array"},
      {map(R"("a":{"b":"1.safetensors"})"),
       name + ": tensor a: expected the name of a file, got an object"},
      {map(R"("a":"../1.safetensors")"), name + ": tensor a: " + plain + "'../1.safetensors'"},
      {map(R"("a":"/etc/x.safetensors")"), name + ": tensor a: " + plain + "'/etc/x.safetensors'"},
      {map(R"("a":"d/1.safetensors")"), name + ": tensor a: " + plain + "'d/1.safetensors'"},
      {map(R"("a":"1\u0000.safetensors")"), name + ": tensor a: " + plain + "'1\\x00.safetensors'"},
      {map(R"("a":"..")"), name + ": tensor a: " + plain + "'..'"},
      {map(R"("a":"")"), name + ": tensor a: " + plain + "''"},
      {map(R"("a":"pytorch_model.bin")"), name + ": tensor a: " + plain + "'pytorch_model.bin'"},
      {map(all + R"(,"d":"3.safetensors")"),
       "3.safetensors: expected a readable file, got: No such file or directory"},
      {map(all + R"(,"d":"2.safetensors")"),
       name + ": tensor d: expected in 2.safetensors, found no such tensor there"},
      {map(R"("a":"1.safetensors","c":"2.safetensors")"),
       "1.safetensors: tensor b: expected in no shard by " + name},
      {map(R"("a":"2.safetensors","b":"1.safetensors","c":"2.safetensors")"),
       "1.safetensors: tensor a: expected in 2.safetensors by " + name},
      {map(all + R"(,"a":"2.safetensors")"), name + ": tensor a: duplicate key"},
  };
  const Shards shards;
  for (const Row& row : rows) CHECK(shards.complaint(row.index) == row.complaint);
}

TEST_CASE("a tensor in two shards is refused") {
  const Shards shards;
  shards.folder.write("2.safetensors",
                      SafetensorsFile().add_f32("c", {1}, {5}).add_f32("a", {1}, {6}).bytes());
  CHECK(shards.complaint(good_index) ==
        "2.safetensors: tensor a: expected in 1.safetensors by " + std::string(index_name));
}

TEST_CASE("the number of shards and of bytes is bounded") {
  const Shards shards;
  std::string many;
  for (std::size_t i = 0; i <= shard_limit; ++i) {
    const std::string number = std::to_string(i);
    many += (i == 0 ? "\"" : ",\"") + number + "\":\"" + number + ".safetensors\"";
  }
  CHECK(shards.complaint(R"({"weight_map":{)" + many + "}}") ==
        std::string(index_name) + ": expected at most 512 shards, got more");
  const fs::path large = shards.folder.write(index_name, "{");
  fs::resize_file(large, index_bytes_limit + 1);
  CHECK(testing::thrown_message<FormatError>([&] { open_checkpoint(large); }) ==
        large.string() + ": expected at most 16000000 bytes, got 16000001");
}

// The shards of a fixture that torch.save wrote, and an index of the test's own.
TEST_CASE("shards of PyTorch have the same rules") {
  const fs::path fixture = BERTQ_TEST_DATA "/checkpoints/torch_shards";
  const TemporaryFolder folder;
  for (const std::string_view name :
       {"pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"}) {
    fs::copy_file(fixture / name, folder / name);
  }
  const auto source = open_file(fixture / "pytorch_model.bin.index.json");
  const std::string good = read_text(*source, 100'000);
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string index = good;
    const std::size_t at = index.find(from);
    REQUIRE(at != std::string::npos);
    return index.replace(at, from.size(), to);
  };
  const std::string name = "pytorch_model.bin.index.json",
                    first_tensor = "bert.embeddings.word_embeddings.weight";
  const std::string first = "pytorch_model-00001-of-00002.bin";
  const auto moved = [&](const std::string& to) {
    return changed("\"" + first_tensor + "\": \"" + first, "\"" + first_tensor + "\": \"" + to);
  };
  const std::string plain = name + ": tensor " + first_tensor +
                            ": expected the plain name of a .bin file in the same folder, got ";
  struct Row {
    std::string index, complaint;
  };
  const std::vector<Row> rows{
      {good, "(nothing thrown)"},
      {moved("../" + first), plain + "'../" + first + "'"},
      {moved("/" + first), plain + "'/" + first + "'"},
      {moved("model.safetensors\", \"x\": \"" + first), plain + "'model.safetensors'"},
      {changed("\"" + first_tensor,
               "\"extra\": \"pytorch_model-00003-of-00002.bin\", \"" + first_tensor),
       "pytorch_model-00003-of-00002.bin: expected a readable file, got: No such file or "
       "directory"},
      {moved("pytorch_model-00002-of-00002.bin"),
       first + ": tensor " + first_tensor + ": expected in pytorch_model-00002-of-00002.bin by " +
           name},
      {changed("\"" + first_tensor + "\": \"" + first + "\",", ""),
       first + ": tensor " + first_tensor + ": expected in no shard by " + name},
      {changed("\"" + first_tensor, "\"extra\": \"" + first + "\", \"" + first_tensor),
       name + ": tensor extra: expected in " + first + ", found no such tensor there"},
  };
  const std::string prefix = folder.path().string() + "/";
  for (const Row& row : rows) {
    const fs::path path = folder.write(name, row.index);
    std::string message = testing::thrown_message<FormatError>([&] { open_checkpoint(path); });
    for (std::size_t at = 0; (at = message.find(prefix, at)) != std::string::npos;) {
      message.erase(at, prefix.size());
    }
    CHECK(message == row.complaint);
  }
  const fs::path index = folder.write(name, changed("\"total_size\": ", "\"total_size\": 1"));
  REQUIRE(open_checkpoint(index).remarks.size() == 1);
  CHECK(open_checkpoint(index).remarks[0].starts_with(index.string() + ": total_size: expected "));
}

}  // namespace
}  // namespace bertq::loaders
