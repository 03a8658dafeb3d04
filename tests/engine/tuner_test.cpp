// Tuner on the embedded sample: a real model, a real search.

#include "engine/tuning/tuning.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "engine/model/packed_batch.h"
#include "support/read_file.h"
#include "support/temporary_folder.h"
#include "support/thrown_message.h"

namespace bertq::testing {
using namespace engine;
namespace {

struct Sample {
  ModelFiles files = open_embedded_model({});
  std::vector<tokenizer::Encoding> inputs;

  Sample() {
    for (const char* text :
         {"The cat sat down.", "A dog ran over the street.", "Nobody knows.",
          "It was a cold day in the town.", "Who was there?", "They went home."}) {
      inputs.push_back(files.tokenizer->encode(text, "The cat sat.", 64));
    }
  }
  // Of the logits of class 1, how close they are to what FP32 says: a score that INT8 lowers.
  Evaluate closeness() const {
    return [this, exact = std::vector<float>()](const Recipe&, Session& session) mutable {
      PackedBatch batch;
      for (const tokenizer::Encoding& input : inputs) batch.add(input.ids, input.segments);
      const auto logits = session.logits(batch);
      if (exact.empty()) exact.assign(logits.begin(), logits.end());
      double sum = 0.0;
      for (std::size_t i = 0; i < exact.size(); ++i) {
        sum += std::abs(static_cast<double>(logits[i]) - static_cast<double>(exact[i]));
      }
      return Evaluation{.score = 1.0 - sum / static_cast<double>(exact.size())};
    };
  }
};

TEST_CASE("a library's own evaluation: a calibrated recipe that the model runs") {
  const Sample sample;
  Tuner tuner(sample.files, sample.inputs, sample.closeness());
  TuningOptions options;
  options.tolerance = 0.1;
  options.max_trials = 6;
  const TuningReport report = tuner.run(options);
  CHECK(report.baseline == 1.0);
  CHECK(report.goal_met);
  CHECK(report.score >= 0.9);
  CHECK(report.trials <= 6);
  CHECK(report.best.of("bert.encoder.layer.0.intermediate.dense").precision == Precision::int8);
  CHECK_NOTHROW(
      Model::load(sample.files.checkpoint, sample.files.config, report.best, jit::Isa::reference));
}

TEST_CASE("stopped by want of memory and resumed: the same recipe, byte for byte") {
  const Sample sample;
  const TemporaryFolder folder;
  TuningOptions options;
  options.strategy = "mse";
  options.tolerance = 1e-6;  // out of reach for INT8: the search goes on
  options.max_trials = 20;
  options.threads = 2;
  options.recipe_file = folder / "whole.json";
  const TuningReport whole = Tuner(sample.files, sample.inputs, sample.closeness()).run(options);
  options.recipe_file = folder / "stopped.json";
  int left = 6;
  const Evaluate closeness = sample.closeness();
  const Evaluate stops = [&](const Recipe& recipe, Session& session) {
    if (--left < 0) throw std::bad_alloc();
    return closeness(recipe, session);
  };
  CHECK_THROWS_AS(Tuner(sample.files, sample.inputs, stops).run(options), std::bad_alloc);
  CHECK_NOTHROW(read_recipe(options.recipe_file));
  left = 1000;
  options.resume = true;
  const TuningReport resumed = Tuner(sample.files, sample.inputs, stops).run(options);
  CHECK(resumed.trials == whole.trials);
  CHECK(resumed.score == whole.score);
  CHECK(read_file(folder / "stopped.json") == read_file(folder / "whole.json"));
}

TEST_CASE("a journal of another model's search is refused") {
  const Sample sample;
  const TemporaryFolder folder;
  TuningOptions options;
  options.max_trials = 1;
  options.recipe_file = folder / "r.json";
  Tuner(sample.files, sample.inputs, sample.closeness()).run(options);
  options.resume = true;
  options.seed = 2;
  CHECK(thrown_message<Error>([&] {
          Tuner(sample.files, sample.inputs, sample.closeness()).run(options);
        }).find("seed: expected 2, got 1978") != std::string::npos);
}

TEST_CASE("a packed model and an unknown strategy are refused") {
  const Sample sample;
  TuningOptions options;
  options.strategy = "tpe";
  CHECK(thrown_message<Error>([&] {
          Tuner(sample.files, sample.inputs, sample.closeness()).run(options);
        }) == "tuning: unknown strategy 'tpe'");
  CHECK(thrown_message<Error>([&] { Tuner(sample.files, {}, sample.closeness()).run({}); }) ==
        "tuning: expected samples to calibrate with, got none");
}

}  // namespace
}  // namespace bertq::testing
