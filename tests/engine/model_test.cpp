// Loading models and running batches that cannot be run; and how large a model is.
#include "engine/model/model.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "memory_checkpoint.h"
#include "texts.h"

namespace bertq::testing {
using namespace engine;
namespace {

using Ints = std::vector<std::int32_t>;

const ModelConfig config = small_config(32, 2, 64, 2);
const std::string query = "bert.encoder.layer.1.attention.self.query";

std::shared_ptr<const Model> load(const MemoryCheckpoint& checkpoint,
                                  const Recipe& recipe = Recipe::uniform(Precision::int8)) {
  return Model::load(checkpoint, config, recipe, jit::Isa::reference);
}

template <typename Function>
std::string input_error_of(Function function) {
  try {
    function();
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::input);
    return error.what();
  }
  return "no error";
}

TEST_CASE("weights that are not finite are named") {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    MemoryCheckpoint checkpoint(config, 1);
    checkpoint.values(query + ".weight")[37] = bad;
    CHECK(input_error_of([&] { load(checkpoint); }) ==
          "memory: tensor " + query + ".weight: element 37: expected a finite number, got " +
              (std::isnan(bad) ? "NaN" : "infinity"));
  }
}

TEST_CASE("missing and misshapen tensors are named") {
  MemoryCheckpoint missing(config, 1);
  missing.erase(query + ".bias");
  CHECK(input_error_of([&] { load(missing); }).find(query + ".bias") != std::string::npos);
  MemoryCheckpoint misshapen(config, 1);
  misshapen.tensor(query + ".weight").shape = {64, 16};
  CHECK(input_error_of([&] { load(misshapen); }).find("[64, 16]") != std::string::npos);
}

TEST_CASE("recipe entries that the model has no use for are named") {
  const MemoryCheckpoint checkpoint(config, 1);
  const auto error_with = [&](const std::string& module, const LayerChoice& choice) {
    Recipe recipe = Recipe::uniform(Precision::int8);
    recipe.set(module, choice);
    return input_error_of([&] { load(checkpoint, recipe); });
  };
  const LayerChoice fp32{.precision = Precision::fp32};
  const LayerChoice fixed{.activations = Ranges::fixed, .scale = {1.0F}, .zero_point = {128}};
  CHECK(error_with("encoder.layer.0.output.dense", fp32) ==
        "recipe: layer encoder.layer.0.output.dense: the model has no such layer");
  CHECK(error_with("bert.encoder.layer.2.output.dense", fp32) ==
        "recipe: layer bert.encoder.layer.2.output.dense: the model has no such layer");
  CHECK(error_with("bert.encoder.layer.0.output.LayerNorm", fp32) ==
        "recipe: layer bert.encoder.layer.0.output.LayerNorm: the model has no such layer");
  CHECK(error_with("bert.encoder.layer.0.attention.scores", fixed) ==
        "recipe: layer bert.encoder.layer.0.attention.scores: attention has dynamic ranges only, "
        "got static");
  const LayerChoice split{.activations = Ranges::fixed,
                          .scale = std::vector(config.hidden, 1.0F),
                          .zero_point = std::vector(config.hidden, 128),
                          .splits = {{0, 2}}};
  CHECK(error_with("bert.encoder.layer.0.attention.output.dense", split) ==
        "recipe: layer bert.encoder.layer.0.attention.output.dense: split: only the second layers "
        "of feed-forward blocks can have it");
  CHECK(error_with("bert.embeddings.position_embeddings", {}) ==
        "recipe: layer bert.embeddings.position_embeddings: expected fp32, got int8");
  CHECK(error_with("bert.embeddings.position_embeddings", fp32) == "no error");
  CHECK(error_with("bert.encoder.layer.1.attention.context", fp32) == "no error");
  CHECK(error_with("classifier", fp32) == "no error");
}

TEST_CASE("batches that cannot be run are refused, and the session goes on") {
  const MemoryCheckpoint checkpoint(config, 1);
  Session session(load(checkpoint), 1);
  const auto error_with = [&](const Ints& ids, const Ints& segments) {
    PackedBatch batch;
    batch.add(Ints{1, 2}, {});
    batch.add(ids, segments);
    const std::string error = input_error_of([&] { session.logits(batch); });
    CHECK(input_error_of([&] { session.hidden_states(batch); }) == error);
    return error;
  };
  CHECK(error_with({}, {}) == "sequence 1: expected 1 to 64 tokens, got 0");
  CHECK(error_with(Ints(65, 1), {}) == "sequence 1: expected 1 to 64 tokens, got 65");
  CHECK(error_with({1, 97}, {}) == "sequence 1: position 1: expected a token id below 97, got 97");
  CHECK(error_with({-1}, {}) == "sequence 1: position 0: expected a token id below 97, got -1");
  CHECK(error_with({1, 1}, {0, 2}) == "sequence 1: position 1: expected a segment below 2, got 2");
  CHECK(error_with(Ints(64, 96), Ints(64, 1)) == "no error");
}

TEST_CASE("an empty batch has empty answers") {
  const MemoryCheckpoint checkpoint(config, 1);
  Session session(load(checkpoint), 2);
  CHECK(session.logits({}).empty());
  CHECK(session.hidden_states({}).empty());
}

TEST_CASE("a checkpoint without segment table has segment 0 only, and it adds nothing") {
  MemoryCheckpoint with(config, 1), without(config, 1);
  const std::string table = "bert.embeddings.token_type_embeddings.weight";
  std::vector<float>& segments = with.values(table);
  std::fill(segments.begin(), segments.end(), 0.0F);
  without.erase(table);
  for (const Precision precision : {Precision::fp32, Precision::int8}) {
    const Recipe recipe = Recipe::uniform(precision);
    Session session(load(without, recipe), 1);
    PackedBatch batch;
    batch.add(Ints{3, 1, 4}, {});
    Session other(load(with, recipe), 1);
    CHECK(hash_of(session.logits(batch)) == hash_of(other.logits(batch)));
    batch.add(Ints{3}, Ints{1});
    CHECK(input_error_of([&] { session.logits(batch); }) ==
          "sequence 1: position 0: expected a segment below 1, got 1");
  }
}

TEST_CASE("a checkpoint without classifier has hidden states but no logits") {
  MemoryCheckpoint checkpoint(config, 1);
  checkpoint.erase("classifier.weight");
  checkpoint.erase("classifier.bias");
  const auto model = load(checkpoint);
  CHECK(model->heads().pooler);
  CHECK_FALSE(model->heads().classifier);
  CHECK(model->labels() == 0);
  Session session(model, 1);
  PackedBatch batch;
  batch.add(Ints{3, 1, 4}, {});
  CHECK(session.hidden_states(batch).size() == 3 * session.hidden_ld());
  CHECK(input_error_of([&] { session.logits(batch); }) ==
        "the checkpoint has no classification head");
}

TEST_CASE("activations that overflow are reported with their layer, on any thread") {
  struct Case {
    const char* tensor;
    const char* int8_layer;
    const char* fp32_layer;
  };
  const std::string layer = "bert.encoder.layer.1.";
  const Case cases[] = {
      {"attention.self.query.weight", "attention.scores", "attention.scores"},
      {"attention.self.value.weight", "attention.context", "attention.output.LayerNorm"},
      {"intermediate.dense.weight", "output.dense", "output.LayerNorm"},
      {"output.dense.weight", "output.LayerNorm", "output.LayerNorm"},
  };
  for (const Case& overflow : cases) {
    CAPTURE(overflow.tensor);
    MemoryCheckpoint checkpoint(config, 1);
    // Outputs of both signs, for some activations drop negative ones.
    std::vector<float>& weights = checkpoint.values(layer + overflow.tensor);
    const std::size_t inputs = checkpoint.tensor(layer + overflow.tensor).shape[1];
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = i / inputs % 2 == 0 ? 3e38F : -3e38F;
    }
    for (const Precision precision : {Precision::fp32, Precision::int8}) {
      const char* where = precision == Precision::int8 ? overflow.int8_layer : overflow.fp32_layer;
      for (const std::size_t threads : {1U, 2U}) {
        Session session(load(checkpoint, Recipe::uniform(precision)), threads);
        const Text text = random_text(config, 40, 1);
        CHECK(input_error_of([&] {
                session.logits(batch_of({&text, 1}));
              }) == layer + where + ": activations are not finite");
      }
    }
  }
}

TEST_CASE("weights_bytes: BERT-base in INT8 fits into 112 MB") {
  const ModelConfig base = named_config("bert-base");
  const std::size_t int8 =
      Model::random(base, Recipe::uniform(Precision::int8), jit::Isa::reference, 1)
          ->weights_bytes();
  MESSAGE("BERT-base INT8: " << int8 << " bytes");
  CHECK(int8 <= 112'000'000);
  CHECK(int8 > 109'000'000);
}

TEST_CASE("random weights depend on the seed alone") {
  const auto answer = [&](std::uint64_t seed) {
    Session session(
        Model::random(config, Recipe::uniform(Precision::fp32), jit::Isa::reference, seed), 1);
    const Text text = random_text(config, 10, 1);
    return hash_of(session.logits(batch_of({&text, 1})));
  };
  CHECK(answer(1) == answer(1));
  CHECK(answer(1) != answer(2));
}

}  // namespace
}  // namespace bertq::testing
