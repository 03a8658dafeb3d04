#include "loaders/checkpoint.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/safetensors_file.h"
#include "support/temporary_folder.h"
#include "support/thrown_message.h"

namespace bertq::loaders {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

TEST_CASE("every type has one name, found again") {
  struct Row {
    DType dtype;
    std::string_view name;
    std::size_t bytes;
    bool floating;
  };
  const std::vector<Row> rows{
      {DType::f64, "F64", 8, true},         {DType::f32, "F32", 4, true},
      {DType::f16, "F16", 2, true},         {DType::bf16, "BF16", 2, true},
      {DType::f8_e4m3, "F8_E4M3", 1, true}, {DType::f8_e5m2, "F8_E5M2", 1, true},
      {DType::i64, "I64", 8, false},        {DType::i32, "I32", 4, false},
      {DType::i16, "I16", 2, false},        {DType::i8, "I8", 1, false},
      {DType::u64, "U64", 8, false},        {DType::u32, "U32", 4, false},
      {DType::u16, "U16", 2, false},        {DType::u8, "U8", 1, false},
      {DType::boolean, "BOOL", 1, false}};
  for (const Row& row : rows) {
    CHECK(dtype_name(row.dtype) == row.name);
    CHECK(dtype_named(row.name) == row.dtype);
    CHECK(dtype_bytes(row.dtype) == row.bytes);
    CHECK(is_float(row.dtype) == row.floating);
  }
  CHECK(!dtype_named("F4"));
  CHECK(!dtype_named(""));
}

std::string complaint(const fs::path& path) {
  return testing::thrown_message<FormatError>([&] { open_checkpoint(path); });
}

TEST_CASE("a folder gives the checkpoint that it holds") {
  const std::string one = testing::SafetensorsFile().add_f32("a", {1}, {1}).bytes();
  const std::string index = R"({"weight_map":{"a":"1.safetensors"}})";
  const TemporaryFolder folder;
  const std::string here = folder.path().string();
  const std::string sought = here +
                             ": expected model.safetensors, pytorch_model.bin, their .index.json, "
                             "or a TensorFlow checkpoint, found none";
  CHECK(complaint(folder.path()) == sought);
  folder.write("tf_model.h5", "");
  CHECK(complaint(folder.path()) == sought + " (tf_model.h5 is there, but bertq does not read it)");

  folder.write("1.safetensors", one);
  CHECK(open_checkpoint(folder.path()).name == here + "/1.safetensors");
  folder.write("2.safetensors", one);
  CHECK(complaint(folder.path()) ==
        here + ": expected one *.safetensors, *.bin or *.pt, got 1.safetensors and 2.safetensors");
  folder.write("a.safetensors.index.json", index);
  CHECK(open_checkpoint(folder.path()).name == here + "/a.safetensors.index.json");
  folder.write("b.safetensors.index.json", index);
  CHECK(complaint(folder.path()) ==
        here +
            ": expected one *.safetensors.index.json, got a.safetensors.index.json and "
            "b.safetensors.index.json");
  folder.write("model.safetensors.index.json", index);
  CHECK(open_checkpoint(folder.path()).name == here + "/model.safetensors.index.json");
  folder.write("model.safetensors", one);
  CHECK(open_checkpoint(folder.path()).name == here + "/model.safetensors");
}

TEST_CASE("a model.safetensors that cannot be opened is not passed over") {
  const TemporaryFolder folder;
  folder.write("1.safetensors", testing::SafetensorsFile().add_f32("a", {1}, {1}).bytes());
  folder.write("model.safetensors.index.json", R"({"weight_map":{"a":"1.safetensors"}})");
  fs::create_symlink("nowhere", folder / "model.safetensors");
  CHECK(complaint(folder.path()) ==
        (folder / "model.safetensors").string() +
            ": expected a readable file, got: No such file or directory");
}

TEST_CASE("a file of any name is opened") {
  const TemporaryFolder folder;
  const auto path =
      folder.write("weights", testing::SafetensorsFile().add_f32("a", {1}, {1}).bytes());
  CHECK(open_checkpoint(path).tensors.size() == 1);
}

TEST_CASE("a file of no known format is not judged as safetensors, unless it is called so") {
  const TemporaryFolder folder;
  const std::string noise(100, '\xAB');
  CHECK(complaint(folder.write("pytorch_model.bin", noise)) ==
        (folder / "pytorch_model.bin").string() +
            ": expected a checkpoint, got no format that bertq knows");
  CHECK(complaint(folder.write("pytorch_model.bin", "")) ==
        (folder / "pytorch_model.bin").string() + ": expected a checkpoint, got 0 bytes");
  CHECK(complaint(folder.write("model.safetensors", noise))
            .starts_with((folder / "model.safetensors").string() +
                         ": byte 0: expected the length of a safetensors header"));
}

}  // namespace
}  // namespace bertq::loaders
