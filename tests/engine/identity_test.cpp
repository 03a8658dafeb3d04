// The promise: one text's answer has the same bits alone and in any batch, in any order, with any
// number of threads, on every instruction set (in BF16, on all that have no fast one).
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/model/encoder_layer.h"
#include "engine/model/model.h"
#include "jit/paths.h"
#include "memory_checkpoint.h"
#include "support/random.h"
#include "support/skipped.h"
#include "texts.h"

namespace bertq::testing {
using namespace engine;
namespace {

struct Shape {
  const char* name;
  std::size_t hidden, heads, intermediate;
  jit::Activation activation;
  std::size_t texts;   // different ones
  std::size_t tuples;  // batches a recipe
};

constexpr Shape shapes[] = {
    {"hidden 32", 32, 2, 64, jit::Activation::gelu_erf, 24, 700},
    {"hidden 64, head size 32", 64, 2, 192, jit::Activation::gelu_tanh, 24, 300},
    {"hidden 42, head size 7", 42, 6, 30, jit::Activation::relu, 24, 300},
    {"hidden 78, head size 26", 78, 3, 300, jit::Activation::gelu_erf, 12, 100},
    {"hidden 312, head size 26", 312, 12, 1200, jit::Activation::gelu_erf, 3, 20},
};

ModelConfig config_of(const Shape& shape) {
  ModelConfig config = small_config(shape.hidden, shape.heads, shape.intermediate, 2);
  config.activation = shape.activation;
  return config;
}

struct NamedRecipe {
  const char* name;
  Recipe recipe;
};

// A range of its own for each input channel, some without a zero among their steps.
LayerChoice equalised(std::size_t inputs, std::size_t outputs) {
  LayerChoice choice{.activations = Ranges::fixed, .clipping = WeightClipping::mse};
  for (std::size_t i = 0; i < inputs; ++i) {
    choice.scale.push_back(0.01F + 0.004F * static_cast<float>(i % 9));
    choice.zero_point.push_back(i % 13 == 0 ? -40 : 90 + static_cast<std::int32_t>(i % 70));
  }
  for (std::size_t i = 0; i < outputs; ++i) {
    choice.bias_correction.push_back(0.01F * static_cast<float>(i % 5));
  }
  return choice;
}

Recipe equalised_recipe(const ModelConfig& config) {
  Recipe recipe = Recipe::uniform(Precision::int8);
  for (std::size_t layer = 0; layer < config.layers; ++layer) {
    const auto set = [&](const char* module, std::size_t inputs, std::size_t outputs) {
      recipe.set(layer_prefix(layer) + module, equalised(inputs, outputs));
    };
    for (const char* module : {"attention.self.query", "attention.self.key", "attention.self.value",
                               "attention.output.dense"}) {
      set(module, config.hidden, config.hidden);
    }
    set("intermediate.dense", config.hidden, config.intermediate);
    LayerChoice split = equalised(config.intermediate, config.hidden);
    split.splits = {{0, 2}, {3, 4}, {static_cast<std::uint32_t>(config.intermediate) - 1, 3}};
    recipe.set(layer_prefix(layer) + "output.dense", split);
  }
  recipe.set("bert.pooler.dense", equalised(config.hidden, config.hidden));
  return recipe;
}

std::vector<NamedRecipe> recipes(const ModelConfig& config) {
  const LayerChoice fp32{.precision = Precision::fp32};
  const LayerChoice fixed{.activations = Ranges::fixed, .scale = {0.03F}, .zero_point = {100}};
  Recipe mixed = Recipe::uniform(Precision::int8);
  for (const char* module : {"attention.self.key", "attention.scores", "output.dense"}) {
    mixed.set(layer_prefix(0) + module, fp32);
  }
  for (const char* module : {"attention.context", "attention.output.dense", "intermediate.dense"}) {
    mixed.set(layer_prefix(1) + module, fp32);
  }
  mixed.set("bert.embeddings.word_embeddings", fp32);
  Recipe static_ranges = Recipe::uniform(Precision::int8);
  for (const std::size_t layer : {0U, 1U}) {
    for (const char* module : {"attention.self.query", "attention.self.key", "attention.self.value",
                               "attention.output.dense", "intermediate.dense", "output.dense"}) {
      static_ranges.set(layer_prefix(layer) + module, fixed);
    }
  }
  Recipe all_three = Recipe::uniform(Precision::bf16);
  for (const char* module : {"attention.self.query", "attention.scores", "intermediate.dense"}) {
    all_three.set(layer_prefix(0) + module, LayerChoice{});
    all_three.set(layer_prefix(1) + module, fp32);
  }
  for (const char* module : {"attention.self.value", "attention.context", "output.dense"}) {
    all_three.set(layer_prefix(0) + module, fp32);
    all_three.set(layer_prefix(1) + module, LayerChoice{});
  }
  return {{"fp32", Recipe::uniform(Precision::fp32)},
          {"int8", Recipe::uniform(Precision::int8)},
          {"bf16", Recipe::uniform(Precision::bf16)},
          {"all three", all_three},
          {"mixed", mixed},
          {"static", static_ranges},
          {"equalised", equalised_recipe(config)}};
}

// Sessions of one model on all paths, for 1, 2 and 3 threads.
class Sessions {
 public:
  Sessions(const MemoryCheckpoint& checkpoint, const ModelConfig& config, const Recipe& recipe,
           const std::vector<Path>& paths) {
    for (const Path& path : paths) {
      const auto model = Model::load(checkpoint, config, recipe, path.isa);
      for (std::size_t threads = 1; threads <= 3; ++threads) {
        sessions_.emplace(std::pair(path.isa, threads), Session(model, threads));
      }
    }
  }
  Session& of(const Path& path, std::size_t threads) { return sessions_.at({path.isa, threads}); }

 private:
  std::map<std::pair<jit::Isa, std::size_t>, Session> sessions_;
};

struct Bits {
  std::uint64_t hidden = 0, logits = 0;
  friend bool operator==(const Bits&, const Bits&) = default;
};

std::vector<Bits> answer(Session& session, const PackedBatch& batch) {
  const std::size_t hidden = session.model().config().hidden;
  const std::size_t labels = session.model().labels();
  std::vector<Bits> bits(batch.sequences());
  const std::span<const float> states = session.hidden_states(batch);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    bits[i].hidden = hash_of(states_of(batch, states, session.hidden_ld(), hidden, i));
  }
  const std::span<const float> logits = session.logits(batch);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    bits[i].logits = hash_of(logits.subspan(i * labels, labels));
  }
  return bits;
}

// A random path, more seldom the slow ones.
const Path& pick_path(const std::vector<Path>& paths, Random& random) {
  for (;;) {
    const Path& path = paths[random.below(paths.size())];
    const std::size_t one_in = path.emulated ? 50 : path.isa == jit::Isa::reference ? 10 : 1;
    if (random.below(one_in) == 0) return path;
  }
}

// Few texts in most batches; now and then enough for each thread to get rows of its own.
std::size_t pick_count(Random& random) {
  return random.below(20) == 0 ? 15 + random.below(15) : 1 + random.below(6);
}

// On each of `paths` the bits that each text has alone on `base`, one of them.
std::size_t check_shape(const Shape& shape, const NamedRecipe& recipe,
                        const std::vector<Path>& paths, const Path& base, std::size_t tuples) {
  INFO(std::string(shape.name), ", ", std::string(recipe.name));
  const ModelConfig config = config_of(shape);
  const MemoryCheckpoint checkpoint(config, 3);
  Sessions sessions(checkpoint, config, recipe.recipe, paths);
  std::vector<Text> texts;
  std::vector<Bits> alone;
  for (std::size_t i = 0; i < shape.texts; ++i) {
    texts.push_back(random_text(config, 1 + i * 37 % 64, i));
    alone.push_back(answer(sessions.of(base, 1), batch_of({&texts.back(), 1})).front());
  }
  Random random(11);
  std::size_t compared = 0;
  for (std::size_t tuple = 0; tuple < tuples; ++tuple) {
    const Path& path = paths.size() == 1 ? base : pick_path(paths, random);
    const std::size_t threads = 1 + random.below(3);
    CAPTURE(name_of(path));
    CAPTURE(threads);
    std::vector<std::size_t> chosen(pick_count(random));
    std::vector<Text> batch;
    for (std::size_t& text : chosen) {
      text = random.below(texts.size());
      batch.push_back(texts[text]);
    }
    const std::vector<Bits> got = answer(sessions.of(path, threads), batch_of(batch));
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      REQUIRE(got[i] == alone[chosen[i]]);
      ++compared;
    }
  }
  return compared;
}

TEST_CASE("the same bits alone, in any batch and order, with any threads, on every path") {
  const Paths paths;
  const std::vector<Path> all = paths.all();
  const WithoutFastBf16 widened;
  std::size_t compared = 0;
  for (const Shape& shape : shapes) {
    for (const NamedRecipe& recipe : recipes(config_of(shape))) {
      compared += check_shape(shape, recipe, all, all.front(), shape.tuples);
    }
  }
  CHECK(compared > 10000);
}

TEST_CASE("where BF16 is fast, the same bits alone, in any batch and order, with any threads") {
  const Paths paths;
  const Recipe recipe = Recipe::uniform(Precision::bf16);
  std::size_t tested = 0;
  for (const Path& path : paths.generated()) {
    if (!jit::has_fast_bf16(path.isa)) continue;
    ++tested;
    for (const Shape& shape : {shapes[1], shapes[2], shapes[3]}) {
      check_shape(shape, {"bf16", recipe}, {path}, path, path.emulated ? 2 : shape.tuples);
    }
  }
  if (tested == 0) print_skipped("BF16's own bits", "the CPU has no fast BF16");
}

}  // namespace
}  // namespace bertq::testing
