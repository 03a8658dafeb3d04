// Channels of a feed-forward block that have several columns of bytes (engine/precision/recipe.h).
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "engine/model/encoder_layer.h"
#include "engine/model/model.h"
#include "memory_checkpoint.h"
#include "texts.h"

namespace bertq::testing {
using namespace engine;
namespace {

constexpr std::uint32_t outlier = 5;
const ModelConfig config = small_config(32, 2, 64, 1);
const std::string reader = layer_prefix(0) + "output.dense";

// One channel of the feed-forward block takes values of a hundred times the others' size.
MemoryCheckpoint checkpoint_with_outlier() {
  MemoryCheckpoint checkpoint(config, 3);
  checkpoint.values(layer_prefix(0) + "intermediate.dense.bias").at(outlier) = 30.0F;
  return checkpoint;
}

// Only the input of the second layer is quantised in steps that matter: `scale` of the outlier.
Recipe recipe_with(float scale, std::vector<ChannelSplit> splits) {
  Recipe recipe = Recipe::uniform(Precision::fp32);
  LayerChoice choice{.activations = Ranges::fixed,
                     .scale = std::vector(config.intermediate, 0.01F),
                     .zero_point = std::vector(config.intermediate, 20),
                     .splits = std::move(splits)};
  choice.scale[outlier] = scale;
  choice.zero_point[outlier] = 0;
  recipe.set(reader, choice);
  return recipe;
}

std::vector<float> states_with(const Recipe& recipe) {
  const auto model = Model::load(checkpoint_with_outlier(), config, recipe, jit::select_isa(""));
  Session session(model, 1);
  const std::vector<Text> texts = {random_text(config, 3, 1), random_text(config, 20, 2)};
  const std::span<const float> states = session.hidden_states(batch_of(texts));
  return {states.begin(), states.end()};
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return std::sqrt(sum / static_cast<double>(a.size()));
}

TEST_CASE("columns that no value reaches change nothing") {
  const std::vector<float> whole = states_with(recipe_with(0.5F, {}));
  for (std::uint32_t columns = 2; columns <= most_split_columns; ++columns) {
    CHECK(states_with(recipe_with(0.5F, {{outlier, columns}})) == whole);
  }
}

TEST_CASE("a value over several columns is what it would be in one of so many steps") {
  const std::vector<float> exact = states_with(Recipe::uniform(Precision::fp32));
  // 255 steps of 0.04 reach 10.2, four times as many 40.8.
  const double cut = distance(states_with(recipe_with(0.04F, {})), exact);
  const double split = distance(states_with(recipe_with(0.04F, {{outlier, 4}})), exact);
  const double coarse = distance(states_with(recipe_with(0.16F, {})), exact);
  CHECK(split < 0.2 * cut);
  CHECK(split < coarse);
}

}  // namespace
}  // namespace bertq::testing
