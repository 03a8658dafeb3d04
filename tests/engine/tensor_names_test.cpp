#include "engine/model/tensor_names.h"

#include <doctest/doctest.h>

#include "bertq/error.h"
#include "support/thrown_message.h"
#include "tiny_model.h"

namespace bertq::engine {
namespace {

using testing::named;
using testing::tiny_tensors;
using testing::TinyTensor;

ModelConfig config() {
  return parse_config(testing::tiny_config, "config.json");
}

// A checkpoint and the bytes it reads.
struct Opened {
  explicit Opened(const std::vector<TinyTensor>& tensors)
      : bytes(testing::tiny_checkpoint(tensors)),
        checkpoint(loaders::open_checkpoint_file(
            loaders::open_memory(std::as_bytes(std::span(bytes)), "m"))) {}

  std::string bytes;
  loaders::Checkpoint checkpoint;
};

// Without the files that they are views of: only for their names and shapes.
BertTensors found(const std::vector<TinyTensor>& tensors, const ModelConfig& model = config()) {
  return find_tensors(Opened(tensors).checkpoint, model);
}

std::string complaint(const std::vector<TinyTensor>& tensors, const ModelConfig& model = config()) {
  return testing::thrown_message<Error>([&] { found(tensors, model); });
}

TEST_CASE("names of published files come out canonical") {
  struct Row {
    std::string_view name, canonical;
  };
  const std::vector<Row> rows{
      {"bert.pooler.dense.bias", "bert.pooler.dense.bias"},
      {"module.bert.pooler.dense.bias", "bert.pooler.dense.bias"},
      {"pooler.dense.bias", "bert.pooler.dense.bias"},
      {"module.encoder.layer.0.output.dense.weight", "bert.encoder.layer.0.output.dense.weight"},
      {"embeddings.LayerNorm.gamma", "bert.embeddings.LayerNorm.weight"},
      {"bert.embeddings.LayerNorm.beta", "bert.embeddings.LayerNorm.bias"},
      {"classifier.weight", "classifier.weight"},
      {"cls.predictions.transform.LayerNorm.gamma", "cls.predictions.transform.LayerNorm.weight"},
      {"encoder_decoder.weight", "encoder_decoder.weight"},
      {"", ""},
  };
  for (const Row& row : rows) CHECK(canonical_name(row.name) == row.canonical);
  CHECK(module_of("bert.pooler.dense.bias") == "bert.pooler.dense");
  CHECK(module_of("bias") == "bias");
}

TEST_CASE("a name has a part, or is ignored") {
  CHECK(part_of("bert.embeddings.LayerNorm.bias") == Part::embeddings);
  CHECK(part_of("bert.encoder.layer.0.output.dense.bias") == Part::encoder);
  CHECK(part_of("bert.pooler.dense.bias") == Part::pooler);
  CHECK(part_of("classifier.bias") == Part::classifier);
  CHECK(part_of("qa_outputs.bias") == Part::span);
  for (const std::string_view name :
       {"bert.embeddings.position_ids", "cls.predictions.bias", "lm_head.weight"}) {
    CHECK(!part_of(name));
    CHECK(is_ignored(name));
  }
  CHECK(!part_of("bert.something"));
  CHECK(!is_ignored("bert.something"));
  CHECK(all_parts().size() == 5);
  CHECK(part_name(Part::span) == "span");
}

TEST_CASE("the tensors of a model are those that Hugging Face writes") {
  const std::vector<ExpectedTensor> expected = expected_tensors(config());
  const std::vector<TinyTensor> written = tiny_tensors();
  REQUIRE(expected.size() == written.size() + 2);  // and qa_outputs
  for (std::size_t i = 0; i < written.size(); ++i) {
    CAPTURE(written[i].name);
    CHECK(expected[i].name == written[i].name);
    if (expected[i].part == Part::classifier) {
      CHECK(expected[i].shape.front() == any_size);
    } else {
      CHECK(expected[i].shape == written[i].shape);
    }
  }
  CHECK(expected[0].role == Role::table);
  CHECK(expected[3].role == Role::vector);
  CHECK(expected[5].role == Role::linear);
  CHECK(shape_text(expected.front().shape) == "[8, 4]");
  CHECK(shape_text({any_size, 4}) == "[any, 4]");
  CHECK(shape_text({}) == "[]");
}

TEST_CASE("tensors are found under any of their spellings") {
  std::vector<TinyTensor> tensors = tiny_tensors();
  for (TinyTensor& tensor : tensors) {
    if (tensor.name.starts_with("bert.")) tensor.name = "module." + tensor.name.substr(5);
    if (tensor.name.ends_with("LayerNorm.weight")) {
      tensor.name.replace(tensor.name.size() - 6, 6, "gamma");
    }
  }
  tensors.push_back({"cls.predictions.bias", {8}});
  tensors.push_back({"bert.embeddings.position_ids", {1, 10}, "I64"});
  const BertTensors index = found(tensors);
  CHECK(index.size() == 25);
  CHECK(index.find("bert.embeddings.LayerNorm.weight")->second.name == tensors[3].name);
  const Heads heads = heads_in(index);
  CHECK(heads.pooler);
  CHECK(heads.classifier);
  CHECK(!heads.span);
}

TEST_CASE("a checkpoint may lack segments, pooler and heads") {
  std::vector<TinyTensor> tensors = tiny_tensors();
  for (const std::string_view part : {"bert.embeddings.token_type", "classifier", "bert.pooler"}) {
    testing::erase(tensors, part);
    CAPTURE(part);
    CHECK(found(tensors).size() == tensors.size());
  }
  CHECK(!heads_in(found(tensors)).pooler);
  tensors.push_back({"qa_outputs.weight", {2, 4}});
  tensors.push_back({"qa_outputs.bias", {2}});
  CHECK(heads_in(found(tensors)).span);
  // A classifier without a pooler is one for tokens.
  tensors.push_back({"classifier.weight", {2, 4}});
  tensors.push_back({"classifier.bias", {2}});
  CHECK(!heads_in(found(tensors)).classifier);
}

TEST_CASE("an optional tensor whose name is damaged is not one that is missing") {
  struct Row {
    std::string from, to;
  };
  for (const Row& row : std::vector<Row>{
           {"bert.embeddings.token_type", "cert.embeddings.token_type"},
           {"bert.pooler.dense", "bErt.pomler.dense"},
           {"classifier", "clessifier"},
       }) {
    std::vector<TinyTensor> tensors = tiny_tensors();
    std::string damaged;
    for (TinyTensor& tensor : tensors) {
      if (!tensor.name.starts_with(row.from)) continue;
      tensor.name.replace(0, row.from.size(), row.to);
      if (damaged.empty()) damaged = tensor.name;
    }
    const std::string said = testing::thrown_message<Error>([&] { found(tensors); });
    CAPTURE(said);
    CHECK(said.find(": tensor " + damaged + ": expected " + row.from) != std::string::npos);
    CHECK(said.ends_with(", which is missing, got a name that is nearly the same"));
  }
  // Heads that bertq does not have are nobody's damage.
  std::vector<TinyTensor> tensors = tiny_tensors();
  testing::erase(tensors, "classifier");
  for (const char* name :
       {"classifier2", "pre_classifier", "cls.seq_relationship", "start_logit"}) {
    tensors.push_back({std::string(name) + ".weight", {2, 4}});
    tensors.push_back({std::string(name) + ".bias", {2}});
  }
  CHECK(!heads_in(found(tensors)).classifier);
}

TEST_CASE("what contradicts the config is refused by name") {
  using Spoil = void (*)(std::vector<TinyTensor>&);
  struct Row {
    Spoil spoil;
    std::string complaint;
  };
  const std::vector<Row> rows{
      {[](auto& t) {
         named(t, "bert.embeddings.word_embeddings.weight").shape = {9, 4};
       },
       "bert.embeddings.word_embeddings.weight: expected shape [8, 4], got [9, 4]"},
      {[](auto& t) {
         named(t, "bert.pooler.dense.bias").shape = {4, 1};
       },
       "bert.pooler.dense.bias: expected shape [4], got [4, 1]"},
      {[](auto& t) { named(t, "bert.pooler.dense.bias").dtype = "I32"; },
       "bert.pooler.dense.bias: expected a float type, got I32"},
      {[](auto& t) { testing::erase(t, "bert.pooler.dense.bias"); },
       "bert.pooler.dense.bias: expected shape [4], found no such tensor"},
      {[](auto& t) { testing::erase(t, "bert.encoder.layer.0.output.LayerNorm.weight"); },
       "bert.encoder.layer.0.output.LayerNorm.weight: expected shape [4], found no such tensor"},
      {[](auto& t) {
         named(t, "classifier.weight").shape = {3, 4};
       },
       "classifier.bias: expected shape [3], got [2]"},
      {[](auto& t) {
         named(t, "classifier.weight").shape = {0, 4};
       },
       "classifier.weight: expected shape [any, 4], got [0, 4]"},
      {[](auto& t) {
         t.push_back({"bert.encoder.layer.1.output.dense.bias", {4}});
       },
       "bert.encoder.layer.1.output.dense.bias: expected no such tensor in a model of 1 layers"},
      {[](auto& t) {
         t.push_back({"pooler.dense.bias", {4}});
       },
       "pooler.dense.bias: the same tensor as bert.pooler.dense.bias"},
      {[](auto& t) {
         t.push_back({"qa_outputs.weight", {3, 4}});
       },
       "qa_outputs.weight: expected shape [2, 4], got [3, 4]"},
      {[](auto& t) {
         t.push_back({"bert.a\\u001b[2J", {1}});
       },
       "bert.a\\x1b[2J: expected no such tensor in a model of 1 layers"},
  };
  for (const Row& row : rows) {
    std::vector<TinyTensor> tensors = tiny_tensors();
    row.spoil(tensors);
    CHECK(complaint(tensors) == "m: tensor " + row.complaint);
  }
  ModelConfig three_labels = config();
  three_labels.labels = {"a", "b", "c"};
  CHECK(complaint(tiny_tensors(), three_labels) ==
        "m: tensor classifier.weight: expected shape [3, 4], got [2, 4]");
}

}  // namespace
}  // namespace bertq::engine
