// bertq's own strategy on made-up landscapes: what it finds, and what it does not ask.

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "engine/fake_experiments.h"
#include "engine/small_space.h"
#include "engine/tuning/costs.h"
#include "support/random.h"

namespace bertq::testing {
using namespace engine;
namespace {

// With every option that bertq has.
TuningSpace full_space() {
  SpaceRequest request;
  request.model_wise.lists.activation.algorithm = {"minmax", "mse"};
  return small_space(request);
}

std::set<std::string> lifted(const TuningSpace& space, const Configuration& configuration) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < space.modules.size(); ++i) {
    const TunableModule& module = space.modules[i];
    if (!module.options[configuration.options[i]].quantized()) names.insert(module.name);
  }
  return names;
}

double usual_loss(const LayerOption& option) {
  if (!option.quantized()) return 0.0;
  const double tensor = option.weights == Granularity::per_tensor ? 2e-5 : 0.0;
  return tensor + (option.algorithm == RangeAlgorithm::mse ? 1e-5 : 3e-5);
}

TEST_CASE("INT8 throughout does: it is the result, with a front of at least twelve trials") {
  const TuningSpace space = full_space();
  FakeExperiments fake(space);
  fake.loss = [](std::size_t, const LayerOption& option) { return usual_loss(option); };
  const SearchResult result = run_search(request_for(space, "sensitivity", 100), fake);
  REQUIRE(result.goal_met());
  const Trial& best = result.trials[*result.best];
  CHECK(lifted(space, best.configuration).empty());
  CHECK(result.trials.size() >= 12);
  const LayerOption& chosen = space.modules[1].options[best.configuration.options[1]];
  CHECK(chosen.activations == Ranges::fixed);
  CHECK(chosen.algorithm == RangeAlgorithm::mse);
  // Every module has its sensitivity, and the front rises.
  CHECK(result.sensitivities.size() == space.modules.size());
  const auto front = pareto_front(result, Goal{});
  REQUIRE(front.size() >= 2);
  for (std::size_t i = 1; i < front.size(); ++i) {
    CHECK(result.trials[front[i]].measure > result.trials[front[i - 1]].measure);
    CHECK(result.trials[front[i]].outcome.score > result.trials[front[i - 1]].outcome.score);
  }
}

TEST_CASE("a planted bad layer is found, named first, and alone goes back to FP32") {
  const TuningSpace space = full_space();
  Random random(7);
  for (int round = 0; round < 20; ++round) {
    const std::size_t bad = random.below(space.modules.size());
    CAPTURE(space.modules[bad].name);
    FakeExperiments fake(space);
    fake.loss = [&](std::size_t module, const LayerOption& option) {
      return usual_loss(option) + (module == bad && option.quantized() ? 0.2 : 0.0);
    };
    const SearchResult result = run_search(request_for(space, "sensitivity", 100), fake);
    REQUIRE(result.goal_met());
    CHECK(result.sensitivities.front().module == bad);
    CHECK(result.sensitivities.front().share > 0.9);
    CHECK(lifted(space, result.trials[*result.best].configuration) ==
          std::set<std::string>{space.modules[bad].name});
  }
}

TEST_CASE("a layer whose ranges alone are bad gets other ranges, not FP32") {
  const TuningSpace space = full_space();
  const std::size_t bad = space.index_of("bert.encoder.layer.1.intermediate.dense");
  FakeExperiments fake(space);
  fake.loss = [&](std::size_t module, const LayerOption& option) {
    const bool spoilt = module == bad && option.quantized() && option.activations == Ranges::fixed;
    // What is dynamic everywhere is no way out.
    const double everywhere = option.quantized() && option.activations == Ranges::dynamic &&
                                      space.modules[module].kind == ModuleKind::linear
                                  ? 2e-3
                                  : 0.0;
    return usual_loss(option) + everywhere + (spoilt ? 0.2 : 0.0);
  };
  const SearchResult result = run_search(request_for(space, "sensitivity", 100), fake);
  REQUIRE(result.goal_met());
  const Configuration& best = result.trials[*result.best].configuration;
  CHECK(lifted(space, best).empty());
  CHECK(space.modules[bad].options[best.options[bad]].activations == Ranges::dynamic);
}

TEST_CASE("several bad layers: all of them, and no others") {
  const TuningSpace space = full_space();
  const std::set<std::string> bad{"bert.encoder.layer.0.attention.self.key",
                                  "bert.encoder.layer.1.output.dense", "classifier"};
  FakeExperiments fake(space);
  fake.loss = [&](std::size_t module, const LayerOption& option) {
    const bool spoilt = bad.contains(space.modules[module].name) && option.quantized();
    return usual_loss(option) + (spoilt ? 0.05 : 0.0);
  };
  const SearchResult result = run_search(request_for(space, "sensitivity", 100), fake);
  REQUIRE(result.goal_met());
  CHECK(lifted(space, result.trials[*result.best].configuration) == bad);
}

TEST_CASE("accuracy methods are switched on where they help, before any layer goes back") {
  const TuningSpace space = full_space();
  FakeExperiments fake(space);
  fake.loss = [](std::size_t, const LayerOption& option) {
    return option.quantized() ? 1e-3 : 0.0;
  };
  fake.method_gain = [](std::uint32_t methods) { return (methods & 4U) != 0 ? 0.1 : 1.0; };
  const SearchResult result = run_search(request_for(space, "sensitivity", 100), fake);
  REQUIRE(result.goal_met());
  const Configuration& best = result.trials[*result.best].configuration;
  CHECK(best.methods == 4);
  CHECK(lifted(space, best).empty());
}

TEST_CASE("a goal out of reach: everything was tried, the best score is kept") {
  const TuningSpace space = full_space();
  FakeExperiments fake(space);
  fake.adjust = [](double score, const Configuration&) { return score - 0.5; };
  fake.loss = [](std::size_t, const LayerOption& option) { return usual_loss(option); };
  const SearchResult result = run_search(request_for(space, "sensitivity", 100), fake);
  CHECK_FALSE(result.goal_met());
  REQUIRE(result.best);
  for (const Trial& trial : result.trials) {
    CHECK(trial.outcome.score <= result.trials[*result.best].outcome.score);
  }
}

TEST_CASE("a space of one option is one trial and its front") {
  TuningSpace space = linear_space(1);
  space.linear = space.modules[0].options = {fp32};
  FakeExperiments fake(space);
  const SearchResult result = run_search(request_for(space, "sensitivity", 100), fake);
  CHECK(result.trials.size() == 1);
  CHECK(result.goal_met());
}

TEST_CASE("lower is better: the same layers are found") {
  const TuningSpace space = full_space();
  FakeExperiments fake(space);
  fake.baseline_score = 1.0;
  fake.loss = [](std::size_t module, const LayerOption& option) {
    return option.quantized() ? (module == 3 ? 0.2 : 1e-5) : 0.0;
  };
  fake.adjust = [](double score, const Configuration&) { return 2.0 - score; };
  SearchRequest request = request_for(space, "sensitivity", 100);
  request.goal.higher_is_better = false;
  const SearchResult result = run_search(request, fake);
  REQUIRE(result.goal_met());
  CHECK(lifted(space, result.trials[*result.best].configuration) ==
        std::set<std::string>{space.modules[3].name});
}

TEST_CASE("timings that wobble change nothing") {
  const TuningSpace space = full_space();
  const auto keys = [&](std::uint64_t noise) {
    FakeExperiments fake(space);
    Random random(noise);
    fake.loss = [](std::size_t module, const LayerOption& option) {
      return usual_loss(option) + (module % 5 == 2 && option.quantized() ? 0.02 : 0.0);
    };
    fake.wobble = [&] { return 0.9 + 0.2 * static_cast<double>(random.below(1000)) / 1000.0; };
    const SearchResult result = run_search(request_for(space, "sensitivity", 100), fake);
    return std::pair(fake.trials(), result.trials[*result.best].configuration);
  };
  CHECK(keys(1) == keys(2));
}

TEST_CASE("failed probes and trials end nothing") {
  const TuningSpace space = full_space();
  FakeExperiments fake(space);
  fake.loss = [](std::size_t module, const LayerOption& option) {
    // Not even a forward pass survives this layer's fixed ranges.
    if (module == 4 && option.quantized() && option.activations == Ranges::fixed) {
      throw std::runtime_error("activations are not finite");
    }
    return usual_loss(option);
  };
  const SearchResult result = run_search(request_for(space, "sensitivity", 100), fake);
  CHECK(result.goal_met());
}

}  // namespace
}  // namespace bertq::testing
