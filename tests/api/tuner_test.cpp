#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/temporary_folder.h"
#include "texts.h"

namespace bertq::testing {
namespace {

const Model& paraphrases() {
  static const Model model = Model::load(Sample::paraphrases, {.precision = Precision::fp32});
  return model;
}

// How close the logits are to those of the first call, which is FP32's: a score that INT8 lowers.
Tuner::Evaluate closeness(const std::vector<Input>& inputs) {
  return [&inputs, exact = std::vector<float>()](Session& session) mutable {
    const auto logits = session.logits(inputs).values;
    if (exact.empty()) exact = copy(logits);
    double sum = 0.0;
    for (std::size_t i = 0; i < exact.size(); ++i) sum += std::abs(logits[i] - exact[i]);
    return 1.0 - sum / static_cast<double>(exact.size());
  };
}

// Rounded weights are in memory, or in a file that is named behind all layers.
std::string without_file_name(const Recipe& recipe) {
  const std::string json = recipe.json();
  return json.substr(0, json.find(",\n  \"weights_file\""));
}

TEST_CASE("a caller's own score: a recipe that is saved, loaded and run") {
  const auto texts = some_texts(12);
  const auto inputs = inputs_of(texts);
  const TemporaryFolder folder;
  const std::string file = folder / "r.json";
  Tuner tuner(paraphrases(), inputs, closeness(inputs));
  const TuningReport report = tuner.run({.tolerance = 0.2, .max_trials = 4, .threads = 1});
  CHECK(report.baseline == 1.0);
  CHECK(report.goal_met);
  CHECK(report.score >= 0.8);
  CHECK(report.trials <= 4);
  CHECK(report.best.precision_of("bert.encoder.layer.0.intermediate.dense") == "int8");
  report.best.save(file);
  CHECK(without_file_name(Recipe::load(file)) == without_file_name(report.best));

  const Model tuned = paraphrases().with(report.best);
  const Model loaded = Model::load(BERTQ_TEST_SAMPLE, {.recipe = file});
  CHECK(tuned.precision() == "tuned");
  Session first(tuned, {.threads = 1}), second(loaded, {.threads = 1});
  CHECK(same_bits<float>(first.logits(inputs).values, second.logits(inputs).values));
}

TEST_CASE("a task's file: what bertq tune scores") {
  Tuner tuner = Tuner::for_task(paraphrases(), "MRPC", BERTQ_TEST_SAMPLE "/mrpc.tsv");
  const TuningReport report = tuner.run({.tolerance = 0.05, .max_trials = 1, .threads = 1});
  CHECK(report.baseline > 0.7);
  CHECK(report.trials == 1);
}

TEST_CASE("a search tells how far it is, ends where it is told to, and can be continued") {
  const auto texts = some_texts(6);
  const auto inputs = inputs_of(texts);
  const TemporaryFolder folder;
  int scored = 0;
  Tuner tuner(paraphrases(), inputs, [&, score = closeness(inputs)](Session& session) mutable {
    ++scored;
    return score(session);
  });
  std::vector<TuningProgress> seen;
  TuningOptions options{.strategy = "random", .tolerance = 1.0, .max_trials = 9, .threads = 1};
  options.recipe_file = folder / "r.json";
  options.on_progress = [&](const TuningProgress& progress) {
    seen.push_back(progress);
    return progress.trials < 2;
  };
  const TuningReport report = tuner.run(options);
  CHECK(report.trials == 2);
  CHECK(scored == 3);
  REQUIRE(seen.size() >= 3);
  CHECK(seen.front().trials == 0);
  CHECK(seen.front().baseline == 1.0);
  CHECK(std::isnan(seen.front().score));
  CHECK(std::isnan(seen.front().best_score));
  CHECK_FALSE(seen.front().goal_met);
  CHECK(seen.back().trials == 2);
  CHECK(seen.back().score <= 1.0);
  CHECK(seen.back().best_score == report.score);
  CHECK(seen.back().goal_met == report.goal_met);

  options.resume = true;
  CHECK(tuner.run(options).trials == 2);
  CHECK(scored == 3);  // all that was told of was in the journal

  options.resume = false;
  options.recipe_file.clear();
  options.on_progress = [](const TuningProgress&) { return false; };
  const TuningReport none = tuner.run(options);
  CHECK(none.trials == 0);
  CHECK_FALSE(none.goal_met);
  CHECK(none.best.precision_of("classifier") == "fp32");

  options.on_progress = [](const TuningProgress&) -> bool { throw std::domain_error("mine"); };
  CHECK_THROWS_WITH_AS(tuner.run(options), "mine", std::domain_error);
}

TEST_CASE("failures: of a trial, of the first evaluation, of what is asked") {
  const auto texts = some_texts(4);
  const auto inputs = inputs_of(texts);
  int calls = 0;
  Tuner failing(paraphrases(), inputs, [&](Session&) -> double {
    if (++calls == 1) return 1.0;
    throw std::runtime_error("no");
  });
  const TuningReport report = failing.run({.max_trials = 2, .threads = 1});
  CHECK_FALSE(report.goal_met);
  CHECK(report.best.precision_of("classifier") == "fp32");

  Tuner broken(paraphrases(), inputs, [](Session&) -> double { throw std::out_of_range("mine"); });
  CHECK_THROWS_WITH_AS(broken.run({.threads = 1}), "mine", std::out_of_range);

  CHECK(error_of([&] { Tuner(paraphrases(), inputs, nullptr); }).starts_with("2 "));
  CHECK(error_of([&] {
          Tuner(paraphrases(), inputs, closeness(inputs)).run({.strategy = "tpe"});
        }) == "2 tuning: unknown strategy 'tpe'");
  CHECK(error_of([&] { Tuner::for_task(paraphrases(), "poetry", "x"); }) ==
        "2 tuning: unknown task 'poetry'");
  CHECK(error_of([&] {
          Tuner::for_task(paraphrases(), "mrpc", "/no/such/file");
        }).starts_with("3 /no/such/file"));
  const std::vector<Input> bad{"good", "\xff"};
  CHECK(error_of([&] { Tuner(paraphrases(), bad, closeness(inputs)); }).starts_with("3 input 1"));
}

}  // namespace
}  // namespace bertq::testing
