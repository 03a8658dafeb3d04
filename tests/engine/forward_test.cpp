// The whole forward pass against the oracle in double, layer by layer, on every path of the CPU.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "engine/model/encoder_layer.h"
#include "engine/model/model.h"
#include "jit/paths.h"
#include "memory_checkpoint.h"
#include "oracle.h"
#include "texts.h"

namespace bertq::testing {
using namespace engine;
namespace {

struct Shape {
  const char* name;
  std::size_t hidden, heads, intermediate, layers;
  jit::Activation activation;
};

constexpr Shape shapes[] = {
    {"one tile", 64, 1, 64, 1, jit::Activation::gelu_erf},
    {"MiniLM's head size", 96, 3, 384, 2, jit::Activation::gelu_erf},
    {"TinyBERT", 312, 12, 1200, 2, jit::Activation::gelu_tanh},
    {"narrow", 32, 4, 100, 3, jit::Activation::relu},
    {"odd head size", 42, 6, 30, 2, jit::Activation::gelu_erf},
};

// What one session answers, layer by layer.
struct Answers {
  std::vector<std::vector<float>> layers;
  std::vector<float> logits, token_logits;
  std::size_t ld = 0;
};

Answers answers_of(std::shared_ptr<const Model> model, const PackedBatch& batch,
                   std::size_t threads) {
  Session session(std::move(model), threads);
  Answers answers;
  answers.ld = session.hidden_ld();
  session.observe_layers(
      [](void* context, std::size_t layer, std::span<const float> states) {
        auto& layers = *static_cast<std::vector<std::vector<float>>*>(context);
        REQUIRE(layers.size() == layer);
        layers.emplace_back(states.begin(), states.end());
      },
      &answers.layers);
  session.hidden_states(batch);
  session.observe_layers(nullptr, nullptr);
  const std::span<const float> logits = session.logits(batch);
  answers.logits.assign(logits.begin(), logits.end());
  const std::span<const float> token_logits = session.token_logits(batch);
  answers.token_logits.assign(token_logits.begin(), token_logits.end());
  return answers;
}

// The largest relative error of any layer of any sequence, and the largest of the heads' logits.
struct Errors {
  double hidden = 0.0, logits = 0.0;
};

Errors errors_of(const Answers& answers, const std::vector<OracleAnswer>& wanted,
                 const PackedBatch& batch, std::size_t hidden) {
  Errors errors;
  std::size_t label = 0, token_label = 0;
  const auto follow = [&](const std::vector<double>& expected, const std::vector<float>& got,
                          std::size_t& at) {
    for (const double want : expected) {
      errors.logits = std::max(errors.logits, std::abs(static_cast<double>(got.at(at++)) - want));
    }
  };
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    for (std::size_t layer = 0; layer < wanted[i].hidden.size(); ++layer) {
      const OracleMatrix& want = wanted[i].hidden[layer];
      const std::vector<float> got =
          states_of(batch, answers.layers.at(layer), answers.ld, hidden, i);
      errors.hidden = std::max(
          errors.hidden, relative_error(got, {want.data(), static_cast<std::size_t>(want.size())}));
    }
    follow(wanted[i].logits, answers.logits, label);
    follow(wanted[i].token_logits, answers.token_logits, token_label);
  }
  return errors;
}

std::vector<Text> some_texts(const ModelConfig& config) {
  std::vector<Text> texts;
  for (const std::size_t length : {5U, 1U, 16U, 33U, 64U, 17U, 2U}) {
    texts.push_back(random_text(config, length, length));
  }
  return texts;
}

// The entry of one layer's module.
void set(Recipe& recipe, std::size_t layer, const char* module, const LayerChoice& choice) {
  recipe.set(layer_prefix(layer) + module, choice);
}

// Different precisions, granularities and ranges side by side, each meeting each.
Recipe mixed_recipe() {
  const LayerChoice fp32{.precision = Precision::fp32};
  const LayerChoice fixed{.activations = Ranges::fixed, .scale = {0.05F}, .zero_point = {120}};
  const LayerChoice fixed_gelu{.activations = Ranges::fixed, .scale = {0.03F}, .zero_point = {6}};
  Recipe recipe = Recipe::uniform(Precision::int8);
  recipe.set("bert.embeddings.word_embeddings", fp32);
  set(recipe, 0, "attention.self.key", fp32);
  set(recipe, 0, "attention.self.value", fixed);
  set(recipe, 0, "attention.scores", fp32);
  set(recipe, 0, "attention.output.dense", fixed);
  set(recipe, 0, "intermediate.dense", fp32);
  set(recipe, 0, "output.dense", fixed_gelu);
  set(recipe, 1, "attention.context", fp32);
  set(recipe, 1, "attention.output.dense", fp32);
  set(recipe, 1, "intermediate.dense", {.weights = Granularity::per_tensor});
  set(recipe, 1, "output.dense", fixed_gelu);
  recipe.set("bert.pooler.dense", fp32);
  return recipe;
}

struct Bounds {
  double hidden, logits;
};

void check_against_oracle(const Shape& shape, const Recipe& recipe, const Bounds& bounds) {
  ModelConfig config = small_config(shape.hidden, shape.heads, shape.intermediate, shape.layers);
  config.activation = shape.activation;
  const MemoryCheckpoint checkpoint(config, 7);
  const std::vector<Text> texts = some_texts(config);
  const PackedBatch batch = batch_of(texts);
  std::vector<OracleAnswer> wanted;
  for (const Text& text : texts) {
    wanted.push_back(oracle(checkpoint, config, text.ids, text.segments));
  }
  const Paths paths;
  for (const Path& path : paths.all()) {
    if (path.emulated) continue;  // identity_test compares its bits with the others'
    CAPTURE(name_of(path));
    const auto model = Model::load(checkpoint, config, recipe, path.isa);
    const Errors errors = errors_of(answers_of(model, batch, 2), wanted, batch, config.hidden);
    CHECK(errors.hidden < bounds.hidden);
    CHECK(errors.logits < bounds.logits);
  }
}

TEST_CASE("FP32 follows the oracle to float accuracy") {
  for (const Shape& shape : shapes) {
    CAPTURE(shape.name);
    check_against_oracle(shape, Recipe::uniform(Precision::fp32), {2e-6, 1e-5});
  }
}

TEST_CASE("INT8 stays close to the oracle") {
  for (const Shape& shape : shapes) {
    CAPTURE(shape.name);
    check_against_oracle(shape, Recipe::uniform(Precision::int8), {0.05, 0.15});
  }
}

// Fast or widened, and among layers of other precisions.
TEST_CASE("BF16 stays closer to the oracle than INT8") {
  Recipe among_others = Recipe::uniform(Precision::bf16);
  set(among_others, 0, "attention.self.key", {.precision = Precision::fp32});
  set(among_others, 0, "attention.scores", LayerChoice{});
  set(among_others, 0, "output.dense", {.precision = Precision::fp32});
  set(among_others, 1, "attention.self.value", {.precision = Precision::fp32});
  set(among_others, 1, "attention.context", {.precision = Precision::fp32});
  among_others.set("classifier", {.precision = Precision::fp32});
  for (const Shape& shape : shapes) {
    CAPTURE(shape.name);
    check_against_oracle(shape, Recipe::uniform(Precision::bf16), {0.015, 0.04});
    if (shape.layers == 2) check_against_oracle(shape, among_others, {0.02, 0.05});
    const WithoutFastBf16 widened;
    check_against_oracle(shape, Recipe::uniform(Precision::bf16), {0.015, 0.04});
  }
}

TEST_CASE("mixed precisions, granularities and static ranges stay close to the oracle") {
  for (const Shape& shape : {shapes[1], shapes[2], shapes[4]}) {
    CAPTURE(shape.name);
    check_against_oracle(shape, mixed_recipe(), {0.05, 0.3});
  }
}

}  // namespace
}  // namespace bertq::testing
