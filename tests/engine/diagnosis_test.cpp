#include "engine/diagnosis/diagnosis.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "engine/calibration/calibration.h"
#include "engine/calibration/sample_batches.h"
#include "engine/diagnosis/module_times.h"
#include "engine/model/model_files.h"
#include "engine/task/task.h"
#include "engine/tuning/tuning_space.h"
#include "jit/isa.h"
#include "loaders/byte_source.h"
#include "support/random.h"

namespace bertq::testing {
using namespace engine;
namespace {

// The embedded model and some of its pairs, as MRPC.
struct Sample {
  ModelFiles files = open_embedded_model({});
  std::unique_ptr<EvaluationSet> set;

  Sample() {
    std::string_view pairs = embedded_mrpc();
    std::size_t end = 0;
    for (int line = 0; line < 61; ++line) end = pairs.find('\n', end) + 1;
    pairs = pairs.substr(0, end);
    const auto source = loaders::open_memory(std::as_bytes(std::span(pairs)), "pairs");
    set = open_evaluation_set(*find_task("mrpc"), *source, files, {});
  }
  Diagnosis diagnose(const Recipe& recipe, std::size_t threads = 1) const {
    return engine::diagnose({.checkpoint = files.checkpoint,
                             .config = files.config,
                             .recipe = recipe,
                             .set = *set,
                             .isa = jit::select_isa(""),
                             .threads = threads});
  }
};

const ModuleFinding& finding_of(const Diagnosis& diagnosis, const std::string& module) {
  const auto found =
      std::find_if(diagnosis.modules.begin(), diagnosis.modules.end(),
                   [&](const ModuleFinding& finding) { return finding.module == module; });
  REQUIRE(found != diagnosis.modules.end());
  return *found;
}

TEST_CASE("a layer that is spoilt is found, whichever it is") {
  const Sample sample;
  std::vector<std::string> linear;
  for (const TunableModule& module :
       make_space(sample.files.config, sample.files.heads, {}).modules) {
    if (module.kind == ModuleKind::linear) linear.push_back(module.name);
  }
  Random random(5);
  for (int round = 0; round < 3; ++round) {
    const std::string& spoilt = linear[random.below(linear.size())];
    CAPTURE(spoilt);
    Recipe recipe = Recipe::uniform(Precision::int8);
    // Almost everything that the layer reads is clipped.
    recipe.set(spoilt, {.activations = Ranges::fixed, .scale = {2e-4F}, .zero_point = {128}});
    const Diagnosis diagnosis = sample.diagnose(recipe);
    const ModuleFinding& first = diagnosis.modules.front();
    CHECK(first.module == spoilt);
    CHECK(diagnosis.share_of_error(first) > 0.9);
    CHECK(first.sqnr_db < 30.0);
    CHECK(first.input.value().steps_used == 1.0);
  }
}

TEST_CASE("a recipe in INT8 is explained module by module") {
  const Sample sample;
  const Diagnosis diagnosis = sample.diagnose(Recipe::uniform(Precision::int8), 2);
  const auto modules = make_space(sample.files.config, sample.files.heads, {}).modules;
  CHECK(diagnosis.modules.size() == modules.size());
  CHECK(diagnosis.metric == "f1");
  CHECK(diagnosis.agreement.logit_error > 0.0);
  for (const ModuleFinding& finding : diagnosis.modules) {
    CAPTURE(finding.module);
    CHECK(finding.sqnr_db > 20.0);
    CHECK(finding.seconds >= 0.0);
    CHECK(std::isfinite(finding.score_put_back));
  }
  CHECK(std::is_sorted(diagnosis.modules.begin(), diagnosis.modules.end(),
                       [](const ModuleFinding& a, const ModuleFinding& b) {
                         return a.error_put_back < b.error_put_back;
                       }));
  CHECK(finding_of(diagnosis, "classifier").seconds > 0.0);
  CHECK(finding_of(diagnosis, "bert.encoder.layer.0.intermediate.dense").input.has_value());
  CHECK_FALSE(finding_of(diagnosis, "bert.encoder.layer.0.attention.scores").input.has_value());
}

TEST_CASE("answers that a recipe changes are shown with what was asked and wanted") {
  const Sample sample;
  Recipe recipe = Recipe::uniform(Precision::int8);
  for (const char* module : {"bert.encoder.layer.0.output.dense", "bert.pooler.dense"}) {
    recipe.set(module, {.activations = Ranges::fixed, .scale = {1e-4F}, .zero_point = {250}});
  }
  const Diagnosis diagnosis = sample.diagnose(recipe);
  REQUIRE(diagnosis.changed.size() > 0);
  CHECK(diagnosis.agreement.labels_equal.value() ==
        doctest::Approx(1.0 - static_cast<double>(diagnosis.changed.size()) /
                                  static_cast<double>(sample.set->examples())));
  for (const ChangedAnswer& change : diagnosis.changed) {
    CHECK(change.before != change.after);
    CHECK(change.text == sample.set->example_text(change.example));
    CHECK(change.expected == sample.set->expected_answer(change.example));
  }
}

TEST_CASE("a channel far above the others is named") {
  Sample sample;
  const auto model = Model::load(sample.files.checkpoint, sample.files.config,
                                 Recipe::uniform(Precision::fp32), jit::Isa::reference);
  const auto statistics = CalibrationStatistics::collect(model, sample_batches(*sample.set, 8), 1);
  LayerChoice choice{.activations = Ranges::fixed, .scale = {1.0F}, .zero_point = {128}};
  const auto use = input_use(*statistics, "bert.encoder.layer.0.intermediate.dense", choice);
  REQUIRE(use.has_value());
  // Values of LayerNorm on 256 steps of 1: only a few are used.
  CHECK(use->steps_used > 0.0);
  CHECK(use->steps_used < 0.2);
  CHECK(
      std::is_sorted(use->outliers.begin(), use->outliers.end(),
                     [](const auto& a, const auto& b) { return a.times_median > b.times_median; }));
  CHECK_FALSE(input_use(*statistics, "no.such.module", choice).has_value());
}

}  // namespace
}  // namespace bertq::testing
