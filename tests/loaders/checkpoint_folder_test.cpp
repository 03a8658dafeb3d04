#include "loaders/checkpoint_folder.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "loaders/byte_source.h"
#include "support/temporary_folder.h"
#include "support/thrown_message.h"

namespace bertq::loaders {
namespace {

using testing::TemporaryFolder;

TEST_CASE("of all that a folder holds, the checkpoint is what comes first in the order") {
  struct Row {
    std::vector<std::string> files;
    std::string chosen;
    std::string twins = {};  // named in the remark
  };
  const std::vector<Row> rows{
      {{"model.safetensors", "model.safetensors.index.json", "a.safetensors"}, "model.safetensors"},
      {{"model.safetensors", "pytorch_model.bin"}, "model.safetensors", "pytorch_model.bin"},
      {{"model.safetensors.index.json", "pytorch_model.bin"},
       "model.safetensors.index.json",
       "pytorch_model.bin"},
      {{"x.safetensors.index.json", "x-1-of-1.safetensors"}, "x.safetensors.index.json"},
      {{"pytorch_model.bin", "pytorch_model.bin.index.json", "other.pt"}, "pytorch_model.bin"},
      {{"pytorch_model.bin", "quant_pytorch_model.bin"},
       "pytorch_model.bin",
       "quant_pytorch_model.bin"},
      {{"model.safetensors", "pytorch_model.bin", "quant_pytorch_model.bin"},
       "model.safetensors",
       "pytorch_model.bin and quant_pytorch_model.bin"},
      {{"pytorch_model.bin.index.json", "b.bin.index.json"}, "pytorch_model.bin.index.json"},
      {{"b.bin.index.json", "b-00001-of-00001.bin"}, "b.bin.index.json"},
      {{"pytorch_model.bin", "bert_model.ckpt.index"}, "pytorch_model.bin"},
      {{"bert_model.ckpt.index", "other.pt"}, "bert_model.ckpt.index"},
      {{"best_model_weights.pt", "best_configure.yaml"}, "best_model_weights.pt"},
      {{"quant_pytorch_model.bin"}, "quant_pytorch_model.bin"},
      {{"other.pth"}, "other.pth"},
      {{"checkpoint.pt", "training_args.bin", "optimizer.pt", "optimizer.bin", "scheduler.pt",
        "rng_state.pth", "rng_state_0.pth", "scaler.pt", "vocab.txt", "tokenizer.json",
        "config.json", "part-00001-of-00002.bin"},
       "checkpoint.pt"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.chosen);
    const TemporaryFolder folder;
    for (const std::string& file : row.files) folder.write(file, "");
    folder.write("1_Pooling/config.json", "{}");
    folder.write("directory.bin/inside", "");
    const FolderChoice choice = checkpoint_in(folder.path());
    CHECK(choice.file == folder / row.chosen);
    const std::string remark =
        (folder / row.chosen).string() + ": read in place of " + row.twins + ", also in the folder";
    CHECK(choice.remark == (row.twins.empty() ? "" : remark));
  }
}

TEST_CASE("a folder with no checkpoint, or with several, is refused") {
  struct Row {
    std::vector<std::string> files;
    std::string complaint;
  };
  const std::string none =
      "expected model.safetensors, pytorch_model.bin, their .index.json, or a TensorFlow "
      "checkpoint, found none";
  const std::vector<Row> rows{
      {{}, none},
      {{"training_args.bin", "optimizer.pt", "rng_state.pth", "config.json"}, none},
      {{"part-00001-of-00002.bin"}, none},
      {{"model.onnx"}, none + " (model.onnx is there, but bertq does not read it)"},
      {{"a.bin", "b.pt"}, "expected one *.safetensors, *.bin or *.pt, got a.bin and b.pt"},
      {{"a.bin.index.json", "b.bin.index.json"},
       "expected one *.bin.index.json, got a.bin.index.json and b.bin.index.json"},
      {{"a.safetensors.index.json", "b.safetensors.index.json", "pytorch_model.bin"},
       "expected one *.safetensors.index.json, got a.safetensors.index.json and "
       "b.safetensors.index.json"},
  };
  for (const Row& row : rows) {
    const TemporaryFolder folder;
    for (const std::string& file : row.files) folder.write(file, "");
    CHECK(testing::thrown_message<FormatError>([&] { checkpoint_in(folder.path()); }) ==
          folder.path().string() + ": " + row.complaint);
  }
  CHECK(testing::thrown_message<FormatError>([] { checkpoint_in("/nowhere"); }) ==
        "/nowhere: expected a readable folder, got: No such file or directory");
}

}  // namespace
}  // namespace bertq::loaders
