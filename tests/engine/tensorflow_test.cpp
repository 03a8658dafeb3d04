// Checkpoints of TensorFlow against the same values in safetensors: the tiny BERT of
// scripts/tiny_bert.py in both forms must give the same bits.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "engine/model/model_files.h"
#include "engine/model/tensor_names.h"
#include "loaders/checksum.h"
#include "loaders/leveldb_table.h"
#include "loaders/tensorflow_checkpoint.h"
#include "support/random.h"
#include "support/read_file.h"
#include "support/skipped.h"
#include "support/temporary_folder.h"
#include "support/tensor_bundle_file.h"
#include "support/thrown_message.h"
#include "texts.h"

namespace bertq::engine {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;
using testing::Text;

const fs::path fixtures = BERTQ_TEST_DATA "/checkpoints";

ModelFiles open(const std::string& name) {
  return open_model(fixtures / name, {});
}

// The reference, computing what google-research does.
ModelFiles safetensors_with_tanh() {
  ModelFiles files = open("safetensors");
  files.config.activation = jit::Activation::gelu_tanh;
  return files;
}

PackedBatch batch_for(const ModelConfig& config) {
  std::vector<Text> texts;
  for (const std::size_t length : {1U, 7U, 32U}) {
    texts.push_back(testing::random_text(config, length, length));
  }
  return testing::batch_of(texts);
}

struct Answers {
  std::vector<float> states, logits, token_logits;
  friend bool operator==(const Answers&, const Answers&) = default;
};

Answers answers_of(const loaders::Checkpoint& checkpoint, const ModelConfig& config,
                   Precision precision) {
  const auto model =
      Model::load(checkpoint, config, Recipe::uniform(precision), jit::select_isa(""));
  Session session(model, 1);
  const PackedBatch batch = batch_for(config);
  const auto copy = [](std::span<const float> values) {
    return std::vector<float>(values.begin(), values.end());
  };
  Answers answers;
  const std::span<const float> states = session.hidden_states(batch);
  for (std::size_t i = 0; i < batch.sequences(); ++i) {
    const auto rows = testing::states_of(batch, states, session.hidden_ld(), config.hidden, i);
    answers.states.insert(answers.states.end(), rows.begin(), rows.end());
  }
  if (model->heads().classifier) answers.logits = copy(session.logits(batch));
  if (model->heads().span) answers.token_logits = copy(session.token_logits(batch));
  return answers;
}

Answers answers_of(const ModelFiles& files, Precision precision) {
  return answers_of(files.checkpoint, files.config, precision);
}

TEST_CASE("the tiny BERT gives the same bits from TensorFlow as from safetensors") {
  const ModelFiles reference = safetensors_with_tanh();
  for (const Precision precision : {Precision::fp32, Precision::int8}) {
    const Answers expected = answers_of(reference, precision);
    REQUIRE(!expected.logits.empty());
    for (const char* name :
         {"tf_classifier", "tf_classifier/model.ckpt-10", "tf_classifier/model.ckpt-10.index",
          "tf_classifier/model.ckpt-10.data-00000-of-00001", "tf_sharded", "tf_snappy",
          "tf_zip/uncased_L-2_H-16_A-2.zip"}) {
      CAPTURE(name);
      const ModelFiles files = open(name);
      CHECK(files.checkpoint.format == "TensorFlow");
      REQUIRE(files.tokenizer);
      CHECK(files.tokenizer->encode("the red dog").ids ==
            reference.tokenizer->encode("the red dog").ids);
      CHECK(answers_of(files, precision) == expected);
    }
    // Without the classifier: pre-training heads and slots make no difference.
    const Answers pretrained = answers_of(open("tf_bert"), precision);
    CHECK(pretrained.states == expected.states);
    CHECK(pretrained.logits.empty());
    // Another checkpoint of the same folder has another head.
    CHECK(answers_of(open("tf_classifier/model.ckpt-0"), precision).logits != expected.logits);
  }
}

TEST_CASE("a SQuAD head is the same as Hugging Face's") {
  ModelFiles reference = open("torch_question_answering");
  reference.config.activation = jit::Activation::gelu_tanh;
  for (const Precision precision : {Precision::fp32, Precision::int8}) {
    const Answers got = answers_of(open("tf_squad"), precision);
    CHECK(!got.token_logits.empty());
    CHECK(got == answers_of(reference, precision));
  }
}

TEST_CASE("which GELU it is, and why, follows from config and weights") {
  const std::string google = testing::read_file(fixtures / "tf_bert/bert_config.json");
  const std::string hugging_face = testing::read_file(fixtures / "safetensors/config.json");
  struct Row {
    std::string form;
    std::map<std::string, std::string> configs;
    jit::Activation activation;
    std::string reason;
  };
  using jit::Activation;
  const std::string by_config = "hidden_act \"gelu\" in a config of Hugging Face";
  const std::string by_weights = "hidden_act \"gelu\" of google-research's TensorFlow weights";
  const std::string other = "hidden_act \"gelu\" of weights that are not TensorFlow's";
  for (const Row& row : std::vector<Row>{
           {"tf_bert", {{"bert_config.json", google}}, Activation::gelu_tanh, by_weights},
           {"tf_bert", {{"config.json", google}}, Activation::gelu_tanh, by_weights},
           {"tf_bert", {{"config.json", hugging_face}}, Activation::gelu_erf, by_config},
           {"tf_bert",
            {{"config.json", hugging_face}, {"bert_config.json", google}},
            Activation::gelu_tanh,
            by_weights},
           {"safetensors", {{"config.json", hugging_face}}, Activation::gelu_erf, by_config},
           {"safetensors", {{"bert_config.json", google}}, Activation::gelu_erf, other},
           {"safetensors",
            {{"config.json", hugging_face}, {"bert_config.json", google}},
            Activation::gelu_erf,
            by_config},
       }) {
    const TemporaryFolder folder;
    for (const auto& entry : fs::directory_iterator(fixtures / row.form)) {
      if (entry.path().extension() != ".json") {
        fs::copy(entry.path(), folder / entry.path().filename().string());
      }
    }
    for (const auto& [name, text] : row.configs) folder.write(name, text);
    const ModelFiles files = open_model(folder.path(), {});
    CHECK(files.config.activation == row.activation);
    CHECK(files.config.activation_reason == row.reason);
    CHECK(files.config.layer_norm_epsilon == 1e-12F);
  }
}

TEST_CASE("a classifier of TensorFlow has as many labels as its tensor has rows") {
  const ModelFiles files = open("tf_classifier");
  CHECK(files.config.labels.empty());
  CHECK(!files.config.regression);
  const auto model = Model::load(files.checkpoint, files.config, Recipe::uniform(Precision::fp32),
                                 jit::select_isa(""));
  CHECK(model->labels() == 2);
}

TEST_CASE("a published cased model is not lower-cased, unless its user wants that") {
  const auto lower_cases = [](const fs::path& path,
                              const tokenizer::Tokenizer::Overrides& overrides = {}) {
    return open_model(path, overrides).tokenizer->options().lower_case;
  };
  const TemporaryFolder folder;
  for (const std::string name : {"cased_L-2_H-16_A-2", "multi_cased_L-2_H-16_A-2",
                                 "wwm_cased_L-2_H-16_A-2", "uncased_L-2_H-16_A-2", "out"}) {
    const bool cased = name.find("cased_L") < name.find("uncased_L");
    fs::copy(fixtures / "tf_bert", folder / name);
    for (const char* part : {"", "/bert_model.ckpt", "/bert_model.ckpt.index"}) {
      CHECK(lower_cases(folder / (name + part)) == !cased);
    }
    CHECK(lower_cases(folder / name, {.lower_case = true}));
    CHECK(!lower_cases(folder / name, {.lower_case = false}));
    folder.write(name + "/tokenizer_config.json", R"({"do_lower_case": true})");
    CHECK(lower_cases(folder / name));
  }
  // Other weights come with what Hugging Face's tokenizers do.
  fs::copy(fixtures / "safetensors", folder / "cased_L-3");
  CHECK(lower_cases(folder / "cased_L-3"));
  fs::copy(fixtures / "tf_zip/uncased_L-2_H-16_A-2.zip", folder / "model.zip");
  CHECK(lower_cases(folder / "model.zip"));
}

TEST_CASE("a partitioned variable is refused by name") {
  CHECK(testing::thrown_message<loaders::FormatError>([] { open("tf_partitioned"); }) ==
        (fixtures / "tf_partitioned/bert_model.ckpt.index").string() +
            ": tensor bert/embeddings/word_embeddings: expected it whole, got a partitioned "
            "variable of 2 slices");
}

// A BERT's variables as the index names them, and where their bytes would lie.
class Variables {
 public:
  explicit Variables(const ModelConfig& config) : config_(config) {
    const std::uint64_t hidden = config.hidden;
    add("bert/embeddings/word_embeddings", {config.vocabulary, hidden});
    add("bert/embeddings/position_embeddings", {config.positions, hidden});
    add("bert/embeddings/token_type_embeddings", {config.segments, hidden});
    add_layer_norm("bert/embeddings");
    for (std::size_t i = 0; i < config.layers; ++i) add_layer(i);
    add_dense("bert/pooler/dense", hidden, hidden);
    add("cls/squad/output_weights", {2, hidden});
    add("cls/squad/output_bias", {2});
  }
  std::string index() const { return testing::table_bytes(entries_); }
  std::uint64_t data_bytes() const { return end_; }

 private:
  void add_layer(std::size_t i) {
    const std::string scope = "bert/encoder/layer_" + std::to_string(i);
    for (const char* part : {"query", "key", "value"}) {
      add_dense(scope + "/attention/self/" + part, config_.hidden, config_.hidden);
    }
    add_dense(scope + "/attention/output/dense", config_.hidden, config_.hidden);
    add_layer_norm(scope + "/attention/output");
    add_dense(scope + "/intermediate/dense", config_.hidden, config_.intermediate);
    add_dense(scope + "/output/dense", config_.intermediate, config_.hidden);
    add_layer_norm(scope + "/output");
  }
  void add_dense(const std::string& scope, std::uint64_t inputs, std::uint64_t outputs) {
    add(scope + "/kernel", {inputs, outputs});
    add(scope + "/bias", {outputs});
  }
  void add_layer_norm(const std::string& scope) {
    add(scope + "/LayerNorm/gamma", {config_.hidden});
    add(scope + "/LayerNorm/beta", {config_.hidden});
  }
  void add(const std::string& name, const std::vector<std::uint64_t>& shape) {
    std::uint64_t bytes = sizeof(float);
    for (const std::uint64_t size : shape) bytes *= size;
    entries_[name] = testing::BundleTensor{1, shape, 0, end_, bytes, crc_of_zeros(bytes)}.message();
    end_ += bytes;
  }
  // Few sizes occur, each many times.
  std::uint32_t crc_of_zeros(std::uint64_t bytes) {
    const auto [known, fresh] = crcs_.emplace(bytes, 0);
    if (fresh) {
      const std::vector<std::byte> zeros(bytes);
      known->second = loaders::masked(loaders::crc32c(zeros));
    }
    return known->second;
  }

  ModelConfig config_;
  testing::TableEntries entries_{{"", testing::bundle_header(1)}};
  std::map<std::uint64_t, std::uint32_t> crcs_;
  std::uint64_t end_ = 0;
};

TEST_CASE("BERT-large with whole-word masking, as fine-tuned for SQuAD, opens, loads and runs") {
  ModelConfig config = named_config("bert-large");
  config.activation = jit::Activation::gelu_tanh;
  const Variables variables(config);
  const TemporaryFolder folder;
  folder.write("model.ckpt-1.index", variables.index());
  // A hole: its zeros take no room on the disk.
  fs::resize_file(folder.write("model.ckpt-1.data-00000-of-00001", ""), variables.data_bytes());
  const auto checkpoint = loaders::open_checkpoint(folder.path());
  const BertTensors tensors = find_tensors(checkpoint, config);
  CHECK(tensors.size() == 5 + 24 * 16 + 2 + 2);
  CHECK(tensors.find("bert.encoder.layer.23.intermediate.dense.weight")->second.shape ==
        std::vector<std::uint64_t>{4'096, 1'024});
  if (std::getenv("BERTQ_TEST_LARGE") == nullptr) {
    return testing::print_skipped("loading and running BERT-large",
                                  "it takes seconds and 2 GB; BERTQ_TEST_LARGE=1 asks for it");
  }
  const auto model =
      Model::load(checkpoint, config, Recipe::uniform(Precision::int8), jit::select_isa(""));
  CHECK(model->heads().span);
  Session session(model, 1);
  PackedBatch batch;
  batch.add(std::vector<std::int32_t>{101, 2'054, 102}, {});
  for (const float logit : session.token_logits(batch)) CHECK(logit == 0.0F);
}

// One file of a checkpoint with some bytes changed, cut or doubled.
void spoil(std::string& bytes, testing::Random& random) {
  for (std::size_t edits = 1 + random.below(3); edits > 0 && !bytes.empty(); --edits) {
    const std::size_t at = random.below(bytes.size());
    switch (random.below(8)) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        bytes.erase(at, 1 + random.below(8));
        break;
      case 2:
        bytes.insert(at, bytes.substr(random.below(bytes.size()), 1 + random.below(8)));
        break;
      case 3:
        bytes[at] = static_cast<char>(random.below(256));
        break;
      default:
        bytes[at] ^= static_cast<char>(1U << random.below(8));
    }
  }
}

// Spoils the index before its blocks are sealed, so that no checksum of the table gives it away.
std::string spoilt_under_checksums(const testing::TableEntries& entries, testing::Random& random) {
  testing::TableFile table;
  std::string block = testing::table_block(entries, 1 + random.below(20));
  std::string index;
  const bool in_data = random.below(4) != 0;
  if (in_data) spoil(block, random);
  const auto handle = table.add(block, random.coin());
  index =
      testing::table_block(testing::TableEntries{{entries.rbegin()->first, handle.encoded()}}, 1);
  if (!in_data) spoil(index, random);
  return table.finish(index);
}

testing::TableEntries entries_of(const std::string& index) {
  testing::TableEntries entries;
  loaders::walk_table(*loaders::open_memory(std::as_bytes(std::span(index)), "good"),
                      [&](std::string_view key, std::span<const std::byte> value) {
                        entries.emplace(
                            key,
                            std::string(reinterpret_cast<const char*>(value.data()), value.size()));
                      });
  return entries;
}

TEST_CASE("a spoilt checkpoint is refused, or gives the same answer") {
  const fs::path prefix = fixtures / "tf_classifier/model.ckpt-10";
  const std::string index = testing::read_file(prefix.string() + ".index");
  const std::string data = testing::read_file(prefix.string() + ".data-00000-of-00001");
  const testing::TableEntries entries = entries_of(index);
  const ModelConfig config = open("tf_classifier").config;
  const Answers expected = answers_of(open("tf_classifier"), Precision::int8);
  constexpr int rounds = 20'000;
  testing::Random random(20'261'121);
  int refused = 0, same = 0, without_a_head = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string bad_index = index, bad_data = data;
    if (random.coin()) {
      bad_index = spoilt_under_checksums(entries, random);
    } else {
      spoil(random.coin() ? bad_index : bad_data, random);
    }
    try {
      const auto source = loaders::open_memory(std::as_bytes(std::span(bad_index)), "m.index");
      const auto checkpoint =
          loaders::open_tensorflow_checkpoint(*source, [&](const std::string& suffix) {
            if (suffix != ".data-00000-of-00001") throw loaders::FormatError("m: no such shard");
            return loaders::open_memory(std::as_bytes(std::span(bad_data)), "m.data");
          });
      const Answers got = answers_of(checkpoint, config, Precision::int8);
      // A name under a right checksum may have become another, far from its own: then it is a model
      // that has no classifier, refuses to classify, and answers as before in all else.
      REQUIRE(got.states == expected.states);
      if (got.logits.empty()) {
        ++without_a_head;
      } else {
        REQUIRE(got == expected);
        ++same;
      }
    } catch (const loaders::FormatError& error) {
      REQUIRE(std::string_view(error.what()).find('\n') == std::string_view::npos);
      ++refused;
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::input);
      REQUIRE(std::string_view(error.what()).starts_with("m."));
      ++refused;
    }
  }
  MESSAGE(refused, " refused, ", same, " the same, ", without_a_head, " without a head");
  CHECK(refused > rounds / 2);
  CHECK(same > 0);
}

}  // namespace
}  // namespace bertq::engine
