#include "engine/calibration/calibration.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "memory_checkpoint.h"
#include "support/thrown_message.h"
#include "texts.h"

namespace bertq::testing {
using namespace engine;
namespace {

const ModelConfig config = small_config(32, 4, 48, 2);
const Recipe int8 = Recipe::uniform(Precision::int8);

std::shared_ptr<const Model> loaded(const MemoryCheckpoint& checkpoint, const Recipe& recipe) {
  return Model::load(checkpoint, config, recipe, jit::select_isa(""));
}

std::vector<PackedBatch> some_batches() {
  std::vector<PackedBatch> batches;
  for (const std::size_t length : {7U, 20U, 3U}) {
    batches.push_back(batch_of(std::vector{random_text(config, length, length)}));
  }
  return batches;
}

TEST_CASE("every linear layer gets the range that its input took") {
  const MemoryCheckpoint checkpoint(config, 11);
  const auto fp32 = loaded(checkpoint, Recipe::uniform(Precision::fp32));
  const Recipe recipe = calibrate_minmax(fp32, some_batches(), 2, int8);
  // Six linear layers in each of two layers, the pooler and both heads.
  CHECK(recipe.entries().size() == 2 * 6 + 3);
  // What LayerNorm puts out is what query reads: seen from outside, through the observer of layers.
  float least = 0.0F, greatest = 0.0F;
  Session session(fp32, 1);
  for (const PackedBatch& batch : some_batches()) {
    const std::span<const float> states = session.hidden_states(batch);
    for (std::size_t row = 0; row < batch.tokens(); ++row) {
      for (const float x : states.subspan(row * session.hidden_ld(), config.hidden)) {
        least = std::min(least, x);
        greatest = std::max(greatest, x);
      }
    }
  }
  const LayerChoice& head = recipe.of("qa_outputs");
  CHECK(head.activations == Ranges::fixed);
  CHECK(head.scale.at(0) == (greatest - least) / 255.0F);
  CHECK(static_cast<float>(head.zero_point.at(0)) == std::nearbyint(-least / head.scale.at(0)));
  CHECK(recipe.of("bert.encoder.layer.0.attention.scores") == int8.fallback());
}

TEST_CASE("neither batches nor threads change a range") {
  const MemoryCheckpoint checkpoint(config, 11);
  const auto fp32 = loaded(checkpoint, Recipe::uniform(Precision::fp32));
  const Recipe one = calibrate_minmax(fp32, some_batches(), 1, int8);
  CHECK(calibrate_minmax(fp32, some_batches(), 4, int8) == one);
  const PackedBatch together = batch_of(std::vector{
      random_text(config, 7, 7), random_text(config, 20, 20), random_text(config, 3, 3)});
  CHECK(calibrate_minmax(fp32, {&together, 1}, 2, int8) == one);
}

TEST_CASE("layers that are not INT8 stay as they are") {
  const MemoryCheckpoint checkpoint(config, 11);
  const auto fp32 = loaded(checkpoint, Recipe::uniform(Precision::fp32));
  Recipe base = int8;
  base.set("bert.pooler.dense", {.precision = Precision::fp32});
  const Recipe recipe = calibrate_minmax(fp32, some_batches(), 1, base);
  CHECK(recipe.of("bert.pooler.dense") == base.of("bert.pooler.dense"));
  CHECK(calibrate_minmax(fp32, some_batches(), 1, Recipe::uniform(Precision::fp32)) ==
        Recipe::uniform(Precision::fp32));
}

TEST_CASE("a calibrated model follows FP32") {
  const MemoryCheckpoint checkpoint(config, 11);
  const auto fp32 = loaded(checkpoint, Recipe::uniform(Precision::fp32));
  const std::vector<PackedBatch> batches = some_batches();
  Session exact(fp32, 1);
  Session calibrated(loaded(checkpoint, calibrate_minmax(fp32, batches, 1, int8)), 1);
  for (const PackedBatch& batch : batches) {
    const std::span<const float> want = exact.logits(batch), got = calibrated.logits(batch);
    for (std::size_t i = 0; i < want.size(); ++i) CHECK(std::abs(got[i] - want[i]) < 0.15F);
  }
}

TEST_CASE("calibration refuses what it cannot use") {
  const MemoryCheckpoint checkpoint(config, 11);
  const auto complaint = [&](const Recipe& recipe, std::span<const PackedBatch> samples) {
    return thrown_message<Error>(
        [&] { calibrate_minmax(loaded(checkpoint, recipe), samples, 1, int8); });
  };
  CHECK(complaint(Recipe::uniform(Precision::fp32), {}) ==
        "calibration: expected samples, got none");
  CHECK(complaint(int8, some_batches()) == "calibration: expected a model in fp32");
}

}  // namespace
}  // namespace bertq::testing
