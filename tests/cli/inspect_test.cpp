// bertq inspect: what is in a checkpoint, also in one that the engine refuses.

#include <doctest/doctest.h>

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/process.h"
#include "support/safetensors_file.h"

namespace bertq::testing {
namespace {

using nlohmann::json;

json inspected(const std::string& flags, int status = 0) {
  const Finished finished = shell("bertq inspect --format json " + flags);
  CAPTURE(finished.err);
  REQUIRE(finished.status == status);
  return json::parse(finished.out);
}

const json& named(const json& list, std::string_view name) {
  for (const json& entry : list) {
    if (entry["name"] == name) return entry;
  }
  FAIL("not listed: " << std::string(name));
  return list;
}

TEST_CASE("inspect accounts for every byte of the sample") {
  const json report = inspected("");
  CHECK(report["schema_version"] == 1);
  CHECK(report["model"] == "embedded sample");
  CHECK(report["problem"].is_null());
  CHECK(report["heads"] == json({"pooler", "classifier"}));
  CHECK(report["tokenizer"]["tokens"] == report["config"]["vocab_size"]);
  CHECK(report["pooling"].is_null());
  const std::uint64_t hidden = report["config"]["hidden_size"];
  std::uint64_t parameters = 0, bytes = 0, int8 = 0;
  for (const json& tensor : report["tensors"]) {
    std::uint64_t elements = 1;
    for (const json& size : tensor["shape"]) elements *= size.get<std::uint64_t>();
    parameters += elements;
    bytes += elements * (tensor["dtype"] == "F32" ? 4U : 2U);
    if (tensor["in_int8"] == "int8") int8 += elements;
    CHECK_FALSE(tensor.contains("min"));
  }
  CHECK(report["total"]["parameters"] == parameters);
  CHECK(report["total"]["bytes"] == bytes);
  CHECK(report["total"]["int8_parameters"] == int8);
  CHECK(report["file_bytes"] > bytes);
  CHECK(named(report["parts"], "pooler")["parameters"] == hidden * hidden + hidden);
  CHECK(named(report["parts"], "pooler")["int8_parameters"] == hidden * hidden);
  const json& norm = named(report["tensors"], "bert.embeddings.LayerNorm.weight");
  CHECK(norm["shape"] == json({hidden}));
  CHECK(norm["in_int8"] == "fp32");
  CHECK(norm["part"] == "embeddings");
}

TEST_CASE("inspect --values: range, NaN and infinities") {
  const Folder folder;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const std::string file =
      folder.write("model.safetensors", SafetensorsFile()
                                            .add_f32("a", {5}, {1.5F, nan, -2.5F, infinity, nan})
                                            .add_f32("nothing", {0}, {})
                                            .add_f32("odd", {2}, {nan, -infinity})
                                            .add("ids", "I64", {1}, "12345678")
                                            .bytes());
  const json tensors = inspected("--values -m " + file, 3)["tensors"];
  const json& a = named(tensors, "a");
  CHECK(a["min"] == -2.5);
  CHECK(a["max"] == 1.5);
  CHECK(a["nans"] == 2);
  CHECK(a["infinities"] == 1);
  CHECK(named(tensors, "nothing")["min"].is_null());
  CHECK(named(tensors, "odd")["max"].is_null());
  CHECK(named(tensors, "odd")["nans"] == 1);
  CHECK_FALSE(named(tensors, "ids").contains("min"));
  const Finished text = shell("bertq inspect --values -m " + file);
  CHECK(text.out.find("NaN  infinite\n") != std::string::npos);
  CHECK(text.out.find("ignored  -2.5  1.5    2         1\n") != std::string::npos);
}

TEST_CASE("inspect shows a model that the engine refuses, and why") {
  const Folder folder;
  const std::string copy = copy_sample(folder, "copy");
  std::string config = read_file(copy + "/config.json");
  const std::size_t at = config.find("\"num_hidden_layers\": 4");
  REQUIRE(at != std::string::npos);
  config.replace(at, 22, "\"num_hidden_layers\": 5");
  folder.write("copy/config.json", config);
  const std::string problem =
      copy +
      "/model.safetensors: tensor bert.encoder.layer.4.attention.self.query.weight: expected "
      "shape [128, 128], found no such tensor";
  const json report = inspected("-m " + copy, 3);
  CHECK(report["problem"] == problem);
  CHECK(report["tensors"].size() == inspected("")["tensors"].size());
  CHECK(report["tensors"][0]["in_int8"].is_null());
  CHECK_FALSE(report.contains("heads"));
  const Finished text = shell("bertq inspect -m " + copy);
  CHECK(text.status == 3);
  CHECK(text.err == "bertq: input: " + problem + "\n");
  CHECK(text.out.find("bert.pooler.dense.weight") != std::string::npos);
}

TEST_CASE("inspect shows what is nobody's") {
  const Folder folder;
  const std::string file =
      folder.write("model.safetensors", SafetensorsFile()
                                            .add_f32("cls.predictions.bias", {1}, {0})
                                            .add("embeddings.position_ids", "I64", {1}, "12345678")
                                            .add_f32("encoder.strange", {1}, {0})
                                            .add_f32("bert.strange", {1}, {0})
                                            .bytes());
  const json tensors = inspected("-m " + file, 3)["tensors"];
  CHECK(named(tensors, "cls.predictions.bias")["part"] == "ignored");
  CHECK(named(tensors, "embeddings.position_ids")["part"] == "ignored");
  CHECK(named(tensors, "embeddings.position_ids")["in_int8"] == "ignored");
  CHECK(named(tensors, "encoder.strange")["part"] == "encoder");
  CHECK(named(tensors, "bert.strange")["part"] == "unknown");
}

TEST_CASE("inspect says which GELU it is, and why") {
  struct Row {
    std::string model, activation, reason;
  };
  const std::string google = "hidden_act \"gelu\" of google-research's TensorFlow weights";
  for (const Row& row : std::vector<Row>{
           {"tf_bert", "gelu_tanh", google},
           {"tf_bert/bert_model.ckpt", "gelu_tanh", google},
           {"tf_zip/uncased_L-2_H-16_A-2.zip", "gelu_tanh", google},
           {"safetensors", "gelu_erf", "hidden_act \"gelu\" in a config of Hugging Face"},
       }) {
    const std::string flags = "-m " BERTQ_TEST_DATA "/checkpoints/" + row.model;
    const json config = inspected(flags)["config"];
    CHECK(config["activation"] == row.activation);
    CHECK(config["activation_reason"] == row.reason);
    CHECK(shell("bertq inspect " + flags).out.find(row.activation + " (" + row.reason + ")") !=
          std::string::npos);
  }
}

TEST_CASE("inspect of what is no checkpoint says so in one line") {
  const Folder folder;
  const std::string file = folder.write("model.safetensors", "PK\3\4 and so on");
  const Finished finished = shell("bertq inspect -m " + file);
  CHECK(finished.status == 3);
  CHECK(finished.out.empty());
  CHECK(lines_of(finished.err).size() == 1);
}

}  // namespace
}  // namespace bertq::testing
