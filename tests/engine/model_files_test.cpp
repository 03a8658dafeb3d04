#include "engine/model/model_files.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "bertq/error.h"
#include "support/skipped.h"
#include "support/thrown_message.h"
#include "tiny_model.h"

namespace bertq::engine {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;
using testing::tiny_config;
using testing::with;

// A model's folder, to be spoilt.
struct Folder {
  Folder() { testing::write_tiny_model(files); }

  ModelFiles open(std::string_view name = "") const { return open_model(files / name, {}); }

  // Without the folder, and without the quotes around file names of the standard library.
  std::string complaint(std::string_view name = "") const {
    const std::string here = files.path().string() + "/";
    std::string message = testing::thrown_message<std::runtime_error>([&] { open(name); });
    for (std::size_t at = 0; (at = message.find(here, at)) != std::string::npos;) {
      message.erase(at, here.size());
    }
    return message;
  }

  TemporaryFolder files;
};

constexpr std::string_view three_modules = R"([
  {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
  {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
  {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}
])";
constexpr std::string_view mean_pooling = R"({
  "word_embedding_dimension": 4, "pooling_mode_cls_token": false,
  "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": false,
  "pooling_mode_mean_sqrt_len_tokens": false})";

struct SentenceFolder : Folder {
  SentenceFolder() {
    files.write("modules.json", three_modules);
    files.write("1_Pooling/config.json", mean_pooling);
    files.write("sentence_bert_config.json", R"({"max_seq_length": 7, "do_lower_case": false})");
  }
};

TEST_CASE("a folder opens with all its parts") {
  const Folder folder;
  const ModelFiles files = folder.open();
  CHECK(files.name == (folder.files / "").string());
  CHECK(files.config.hidden == 4);
  CHECK(files.checkpoint.tensors.size() == 25);
  REQUIRE(files.tokenizer);
  CHECK(files.tokenizer->vocabulary_size() == 7);
  CHECK(!files.pooling);
  CHECK(files.max_tokens == 10);
}

TEST_CASE("the file of the weights brings its folder along") {
  const Folder folder;
  const ModelFiles files = folder.open("model.safetensors");
  CHECK(files.config.hidden == 4);
  CHECK(files.tokenizer.has_value());
  const TemporaryFolder other;
  fs::create_directory_symlink(folder.files.path(), other / "link");
  CHECK(open_model(other / "link", {}).config.hidden == 4);
}

TEST_CASE("a tokenizer may be missing, and google's name for the config is known") {
  const Folder folder;
  fs::remove(folder.files / "vocab.txt");
  fs::rename(folder.files / "config.json", folder.files / "bert_config.json");
  const ModelFiles files = folder.open();
  CHECK(!files.tokenizer);
  CHECK(files.config.hidden == 4);
}

TEST_CASE("tokenizer overrides reach the tokenizer") {
  const Folder folder;
  tokenizer::Tokenizer::Overrides overrides;
  overrides.lower_case = false;
  overrides.profile = tokenizer::Profile::google;
  const ModelFiles files = open_model(folder.files.path(), overrides);
  CHECK(!files.tokenizer->options().lower_case);
  CHECK(files.tokenizer->options().profile == tokenizer::Profile::google);
}

TEST_CASE("the tokenizer's own limit counts, unless it says it has none") {
  struct Row {
    std::string limit;
    std::size_t max_tokens;
  };
  for (const Row& row : std::vector<Row>{{"8", 8},
                                         {"512", 10},
                                         {"null", 10},
                                         {"1000000000000000019884624838656", 10},
                                         {"1e30", 10}}) {
    const Folder folder;
    folder.files.write("tokenizer_config.json", "{\"model_max_length\": " + row.limit + "}");
    CHECK(folder.open().max_tokens == row.max_tokens);
  }
  for (const std::string bad : {"0", "2", "-5", "7.5"}) {
    const Folder folder;
    folder.files.write("tokenizer_config.json", "{\"model_max_length\": " + bad + "}");
    CHECK(folder.complaint() ==
          "tokenizer_config.json: model_max_length: expected an integer in 3..1000000000, got " +
              bad);
  }
}

TEST_CASE("a classifier of one row is a regression") {
  const Folder folder;
  std::vector<testing::TinyTensor> tensors = testing::tiny_tensors();
  testing::named(tensors, "classifier.weight").shape = {1, 4};
  testing::named(tensors, "classifier.bias").shape = {1};
  CHECK(!folder.open().config.regression);
  folder.files.write("model.safetensors", testing::tiny_checkpoint(tensors));
  CHECK(folder.open().config.regression);
}

TEST_CASE("sentence-transformers' pooling and limit are read") {
  const SentenceFolder folder;
  const ModelFiles files = folder.open();
  REQUIRE(files.pooling);
  CHECK(files.pooling->pooling == Pooling::mean);
  CHECK(files.pooling->normalize);
  CHECK(files.max_tokens == 7);
  struct Row {
    std::string pooling;
    Pooling expected;
  };
  const std::vector<Row> rows{
      {R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false})", Pooling::cls},
      {R"({"pooling_mode": "mean"})", Pooling::mean},
      {R"({"pooling_mode": "cls", "include_prompt": true})", Pooling::cls},
      {R"({"pooling_mode": "mean", "pooling_mode_mean_tokens": true})", Pooling::mean},
  };
  for (const Row& row : rows) {
    folder.files.write("1_Pooling/config.json", row.pooling);
    CHECK(folder.open().pooling->pooling == row.expected);
  }
}

TEST_CASE("the transformer may have a folder of its own, Normalize may be missing") {
  const TemporaryFolder folder;
  testing::write_tiny_model(folder, "0_Transformer/");
  folder.write("0_Transformer/sentence_bert_config.json", R"({"max_seq_length": 6})");
  folder.write("modules.json", R"([
    {"path": "0_Transformer", "type": "sentence_transformers.models.Transformer"},
    {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])");
  folder.write("1_Pooling/config.json", mean_pooling);
  const ModelFiles files = open_model(folder.path(), {});
  CHECK(files.config.hidden == 4);
  CHECK(files.tokenizer.has_value());
  CHECK(!files.pooling->normalize);
  CHECK(files.max_tokens == 6);
}

TEST_CASE("sentence-transformers' files that bertq cannot follow are refused by name") {
  struct Row {
    std::string file, content, complaint;
  };
  const auto modules = [](std::string_view from, std::string_view to) {
    return with(three_modules, from, to);
  };
  const std::string pooling = "1_Pooling/config.json";
  const std::vector<Row> rows{
      {"modules.json", "{}", "modules.json: expected a list of at most 16 modules"},
      {"modules.json", "[]", "modules.json: expected the modules Transformer and Pooling, got 0"},
      {"modules.json", "[1]", "modules.json: module 0: expected an object, got 1"},
      {"modules.json", modules("models.Normalize", "models.Dense"),
       "modules.json: module 2: expected Normalize, got Dense"},
      {"modules.json", modules("models.Pooling", "models.WeightedLayerPooling"),
       "modules.json: module 1: expected Pooling, got WeightedLayerPooling"},
      {"modules.json", modules("models.Transformer", "models.CLIPModel"),
       "modules.json: module 0: expected Transformer, got CLIPModel"},
      {"modules.json", modules("1_Pooling", "../1_Pooling"),
       "modules.json: module 1: path: expected the name of a folder beside modules.json, got "
       "\"../1_Pooling\""},
      {"modules.json", modules("1_Pooling", "/tmp"),
       "modules.json: module 1: path: expected the name of a folder beside modules.json, got "
       "\"/tmp\""},
      {"modules.json", modules("1_Pooling", ".."),
       "modules.json: module 1: path: expected the name of a folder beside modules.json, got "
       "\"..\""},
      {"modules.json", modules("1_Pooling", "absent"),
       "absent/config.json: expected a readable file, got: No such file or directory"},
      {pooling, with(mean_pooling, "max_tokens\": false", "max_tokens\": true"),
       pooling + ": pooling_mode: expected mean or cls, got max_tokens and mean_tokens"},
      {pooling, R"({"pooling_mode_lasttoken": true})",
       pooling + ": pooling_mode: expected mean or cls, got lasttoken"},
      {pooling, R"({"pooling_mode": "max"})",
       pooling + ": pooling_mode: expected mean or cls, got max"},
      {pooling, "{}", pooling + ": pooling_mode: expected mean or cls, got none"},
      {pooling, R"({"pooling_mode_mean_tokens": 1})",
       pooling + ": pooling_mode_mean_tokens: expected true or false, got 1"},
      {pooling, with(mean_pooling, "_dimension\": 4", "_dimension\": 8"),
       pooling + ": word_embedding_dimension: expected 4, the hidden size, got 8"},
      {"sentence_bert_config.json", R"({"max_seq_length": 0})",
       "sentence_bert_config.json: max_seq_length: expected an integer in 3..1048576, got 0"},
  };
  for (const Row& row : rows) {
    const SentenceFolder folder;
    folder.files.write(row.file, row.content);
    CHECK(folder.complaint() == row.complaint);
  }
  const SentenceFolder folder;
  folder.files.write("sentence_bert_config.json", R"({"do_lower_case": true})");
  CHECK(folder.complaint() == "(nothing thrown)");
  folder.files.write("tokenizer_config.json", R"({"do_lower_case": false})");
  CHECK(
      folder.complaint() ==
      "sentence_bert_config.json: do_lower_case: expected false with a cased tokenizer, got true");
}

TEST_CASE("folders that are no model are refused by name, at once") {
  const auto start = std::chrono::steady_clock::now();
  {
    const Folder folder;
    CHECK(folder.complaint("absent") ==
          "absent: expected a folder or a file, got: No such file or directory");
    fs::create_symlink("loop", folder.files / "loop");
    CHECK(folder.complaint("loop") ==
          "loop: expected a folder or a file, got: Too many levels of symbolic links");
    CHECK(folder.complaint("/dev/zero") ==
          "/dev/zero: expected a folder or a file, got a device or a pipe");
    fs::remove(folder.files / "config.json");
    CHECK(folder.complaint() == ": expected config.json or bert_config.json, found neither");
    fs::create_directory(folder.files / "config.json");
    CHECK(folder.complaint() == "config.json: expected a file, got a folder");
  }
  struct Row {
    std::string file, content, complaint;
  };
  const std::vector<Row> rows{
      {"config.json", "", "config.json: line 1, column 1: expected JSON, got the end"},
      {"config.json", std::string(4'000'001, ' '),
       "config.json: expected at most 4000000 bytes, got 4000001"},
      {"config.json", with(tiny_config, "\"vocab_size\": 8", "\"vocab_size\": 9"),
       "model.safetensors: tensor bert.embeddings.word_embeddings.weight: expected shape [9, 4], "
       "got [8, 4]"},
      {"config.json", with(tiny_config, "\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2"),
       "model.safetensors: tensor bert.encoder.layer.1.attention.self.query.weight: expected shape "
       "[4, 4], found no such tensor"},
      {"model.safetensors", "", "model.safetensors: expected a checkpoint, got 0 bytes"},
      {"vocab.txt", std::string(testing::tiny_vocabulary) + "c\nd\n",
       "vocab.txt: expected at most 8 tokens, the rows of the word embeddings, got 9"},
  };
  for (const Row& row : rows) {
    const Folder folder;
    folder.files.write(row.file, row.content);
    CHECK(folder.complaint() == row.complaint);
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}

TEST_CASE("the embedded sample opens") {
  const ModelFiles files = open_embedded_model({});
  CHECK(files.name == "embedded sample");
  CHECK(files.config.labels.size() == 2);
  CHECK(files.max_tokens == files.config.positions);
  REQUIRE(files.tokenizer);
  CHECK(files.tokenizer->vocabulary_size() == files.config.vocabulary);
  CHECK(files.tokenizer->options().lower_case);
  CHECK(files.checkpoint.file_bytes <= 8'000'000);
  tokenizer::Tokenizer::Overrides google;
  google.profile = tokenizer::Profile::google;
  CHECK(open_embedded_model(google).tokenizer->options().profile == tokenizer::Profile::google);
  const std::string_view pairs = embedded_mrpc();
  CHECK(pairs.starts_with("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"));
  CHECK(std::count(pairs.begin(), pairs.end(), '\n') > 400);
  CHECK(pairs.ends_with('\n'));
}

TEST_CASE("a published checkpoint opens") {
  const fs::path folder = fs::path(BERTQ_TEST_SHARED) / "models/minilm-mrpc";
  if (!fs::exists(folder)) {
    testing::print_skipped("a published checkpoint", folder.string() + " is not there");
    return;
  }
  const ModelFiles files = open_model(folder, {});
  CHECK(files.config.layers == 6);
  CHECK(files.config.head_size() == 32);
  CHECK(files.tokenizer->vocabulary_size() == 30'522);
  CHECK(files.max_tokens == 512);
}

}  // namespace
}  // namespace bertq::engine
