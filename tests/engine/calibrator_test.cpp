// Whole recipes from statistics: what is in them, and what they are worth in a model.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "engine/calibration/calibration.h"
#include "loaders/checkpoint.h"
#include "memory_checkpoint.h"
#include "texts.h"

namespace bertq::testing {
using namespace engine;
namespace {

const ModelConfig config = small_config(48, 4, 96, 2);
const Recipe int8 = Recipe::uniform(Precision::int8);

std::vector<PackedBatch> sample_texts(std::size_t seed, std::size_t count) {
  std::vector<PackedBatch> batches;
  for (std::size_t i = 0; i < count; ++i) {
    batches.push_back(batch_of(std::vector{random_text(config, 24, seed + 2 * i),
                                           random_text(config, 17, seed + 2 * i + 1)}));
  }
  return batches;
}

// A checkpoint with what makes BERT hard to quantise: a channel that LayerNorm blows up.
MemoryCheckpoint hard_checkpoint() {
  MemoryCheckpoint checkpoint(config, 21);
  for (const char* norm : {"bert.embeddings.LayerNorm", "bert.encoder.layer.0.output.LayerNorm",
                           "bert.encoder.layer.0.attention.output.LayerNorm",
                           "bert.encoder.layer.1.attention.output.LayerNorm"}) {
    checkpoint.values(std::string(norm) + ".weight")[3] *= 60.0F;
    checkpoint.values(std::string(norm) + ".bias")[7] += 30.0F;
  }
  // As in BERT, little hangs on such channels.
  for (std::size_t layer = 0; layer < config.layers; ++layer) {
    for (const char* name : {"attention.self.query", "attention.self.key", "attention.self.value",
                             "intermediate.dense"}) {
      auto& weights =
          checkpoint.values("bert.encoder.layer." + std::to_string(layer) + "." + name + ".weight");
      for (std::size_t row = 0; row < weights.size() / config.hidden; ++row) {
        weights[row * config.hidden + 3] *= 0.02F;
        weights[row * config.hidden + 7] *= 0.02F;
      }
    }
  }
  return checkpoint;
}

struct Fixture {
  MemoryCheckpoint checkpoint = hard_checkpoint();
  std::shared_ptr<const Model> fp32 = loaded(Recipe::uniform(Precision::fp32));
  std::shared_ptr<const CalibrationStatistics> statistics =
      CalibrationStatistics::collect(fp32, sample_texts(100, 30), 2);

  std::shared_ptr<const Model> loaded(const Recipe& recipe) const {
    return Model::load(checkpoint, config, recipe, jit::select_isa(""));
  }
  Calibrator calibrator(std::size_t threads = 2) const {
    return Calibrator(statistics, checkpoint, config, threads);
  }
  // All linear layers static; attention and words as they are.
  Recipe fixed(RangeAlgorithm algorithm = RangeAlgorithm::mse,
               Scheme scheme = Scheme::asymmetric) const {
    Recipe base = int8;
    base.set("bert.embeddings.word_embeddings", {.precision = Precision::fp32});
    return with_static_ranges(base, *statistics, algorithm, scheme);
  }
  // Of the logits on texts that calibration has not seen.
  double error(const Recipe& recipe) const {
    Session exact(fp32, 1), quantized(loaded(recipe), 1);
    double squares = 0.0;
    for (const PackedBatch& batch : sample_texts(900, 12)) {
      const auto want = exact.logits(batch), got = quantized.logits(batch);
      for (std::size_t i = 0; i < want.size(); ++i) {
        squares += static_cast<double>((got[i] - want[i]) * (got[i] - want[i]));
      }
    }
    return squares;
  }
};

TEST_CASE("the methods together leave far less error than ranges alone") {
  const Fixture fixture;
  Calibrator calibrator = fixture.calibrator();
  const double plain = fixture.error(fixture.fixed(RangeAlgorithm::minmax));
  const double none = fixture.error(calibrator.apply(fixture.fixed(), CalibrationMethods::none()));
  const double all = fixture.error(calibrator.apply(fixture.fixed(), CalibrationMethods::all()));
  CHECK(all < 0.25 * plain);
  CHECK(all < 0.25 * none);
  CHECK(fixture.error(calibrator.apply(fixture.fixed(), {.equalize = true})) < 0.5 * none);
}

TEST_CASE("a recipe has what the methods are for, and nothing else") {
  const Fixture fixture;
  Calibrator calibrator = fixture.calibrator();
  const std::string module = "bert.encoder.layer.1.attention.self.query";
  const Recipe plain = calibrator.apply(fixture.fixed(), {});
  CHECK(plain == fixture.fixed());
  const LayerChoice equal = calibrator.apply(fixture.fixed(), {.equalize = true}).of(module);
  CHECK(equal.scale.size() == config.hidden);
  CHECK(equal.zero_point.size() == config.hidden);
  CHECK(equal.bias_correction.empty());
  const LayerChoice clipped = calibrator.apply(fixture.fixed(), {.clip_weights = true}).of(module);
  CHECK(clipped.clipping == WeightClipping::mse);
  CHECK(clipped.scale.size() == 1);
  const LayerChoice bias = calibrator.apply(fixture.fixed(), {.correct_bias = true}).of(module);
  CHECK(bias.bias_correction.size() == config.hidden);
  CHECK(bias.scale == plain.of(module).scale);
  const Recipe rounded = calibrator.apply(fixture.fixed(), {.round_weights = true});
  CHECK(rounded.of(module).rounding == Rounding::calibrated);
  const Recipe both =
      calibrator.apply(fixture.fixed(), {.clip_weights = true, .round_weights = true});
  CHECK(both.of(module).clipping == WeightClipping::none);
  CHECK(rounded.rounded_weights().tensors->find(module + ".weight") != nullptr);
}

// They read the same bytes, quantised once.
TEST_CASE("query, key and value share their ranges") {
  const Fixture fixture;
  const Recipe recipe = fixture.calibrator().apply(fixture.fixed(), CalibrationMethods::all());
  const std::string self = "bert.encoder.layer.0.attention.self.";
  CHECK(recipe.of(self + "query").scale == recipe.of(self + "value").scale);
  CHECK(recipe.of(self + "query").zero_point == recipe.of(self + "key").zero_point);
}

TEST_CASE("neither threads nor what was asked before change a recipe") {
  const Fixture fixture;
  Calibrator one = fixture.calibrator(1), many = fixture.calibrator(3);
  const Recipe first = one.apply(fixture.fixed(), CalibrationMethods::all());
  many.apply(fixture.fixed(RangeAlgorithm::kl, Scheme::symmetric), CalibrationMethods::all());
  many.apply(fixture.fixed(), {.round_weights = true});
  CHECK(many.apply(fixture.fixed(), CalibrationMethods::all()) == first);
  CHECK(many.apply(fixture.fixed(), CalibrationMethods::all()) == first);
}

TEST_CASE("layers without static ranges stay as they are") {
  const Fixture fixture;
  Recipe base = fixture.fixed();
  base.set("bert.pooler.dense", {.precision = Precision::fp32});
  base.set("classifier", {});
  const Recipe recipe = fixture.calibrator().apply(base, CalibrationMethods::all());
  CHECK(recipe.of("bert.pooler.dense") == base.of("bert.pooler.dense"));
  CHECK(recipe.of("classifier") == base.of("classifier"));
  CHECK(recipe.of("bert.encoder.layer.0.attention.scores") == int8.fallback());
  CHECK(fixture.calibrator().apply(int8, CalibrationMethods::all()) == int8);
}

// The mean of a layer's output over the very rows of the calibration.
TEST_CASE("a corrected bias takes the mean of the error away") {
  const Fixture fixture;
  Recipe only_pooler = Recipe::uniform(Precision::fp32);
  const std::string module = "classifier";
  only_pooler.set(module, fixture.fixed(RangeAlgorithm::minmax).of(module));
  Calibrator calibrator = fixture.calibrator();
  const auto mean_error = [&](const Recipe& recipe) {
    Session exact(fixture.fp32, 1), quantized(fixture.loaded(recipe), 1);
    double sum = 0.0;
    std::size_t count = 0;
    for (const PackedBatch& batch : sample_texts(100, 30)) {
      const auto want = exact.logits(batch), got = quantized.logits(batch);
      for (std::size_t i = 0; i < want.size(); i += 2, ++count) {
        sum += static_cast<double>(got[i] - want[i]);
      }
    }
    return std::fabs(sum / static_cast<double>(count));
  };
  const double before = mean_error(only_pooler);
  const double after = mean_error(calibrator.apply(only_pooler, {.correct_bias = true}));
  CHECK(before > 1e-5);
  // Rows count by the size of their outputs, so that a little of the plain mean remains.
  CHECK(after < 0.5 * before);
}

TEST_CASE("one short text is enough to calibrate on") {
  const Fixture fixture;
  const std::vector<PackedBatch> one{batch_of(std::vector{random_text(config, 1, 3)})};
  Calibrator calibrator(CalibrationStatistics::collect(fixture.fp32, one, 1), fixture.checkpoint,
                        config, 1);
  const Recipe recipe = calibrator.apply(fixture.fixed(), CalibrationMethods::all());
  Session session(fixture.loaded(recipe), 1);
  for (const float logit : session.logits(one[0])) CHECK(std::isfinite(logit));
}

TEST_CASE("a recipe and its weights come back from their files as they were") {
  const Fixture fixture;
  const auto folder = std::filesystem::temp_directory_path() / "bertq_calibrator_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto file = folder / "best.json";
  Calibrator calibrator = fixture.calibrator();
  const Recipe recipe = calibrator.apply(fixture.fixed(), CalibrationMethods::all());
  write_recipe(recipe, file);
  const Recipe read = read_recipe(file);
  CHECK(read.entries() == recipe.entries());
  CHECK(read.rounded_weights().xxh3_128 == recipe.rounded_weights().xxh3_128);
  CHECK(fixture.error(read) == fixture.error(recipe));

  const auto weights = [&] {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".safetensors") ++count;
    }
    return count;
  };
  // Another recipe takes the place of the first, weights and all ...
  const Recipe other = calibrator.apply(fixture.fixed(), {.round_weights = true});
  write_recipe(other, file);
  CHECK(weights() == 1);
  // ... unless somebody keeps a copy that names them.
  std::filesystem::copy_file(file, folder / "kept.json");
  write_recipe(recipe, file);
  CHECK(weights() == 2);
  CHECK(read_recipe(folder / "kept.json").entries() == other.entries());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace bertq::testing
