// LPOT's strategies on made-up landscapes: which configurations they try, in which order. The
// expected sequences are derived by hand from LPOT v1.3's strategy/*.py.

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "engine/fake_experiments.h"
#include "engine/tuning/model_wise.h"
#include "engine/tuning/numpy_random.h"
#include "engine/tuning/strategy.h"

namespace bertq::testing {
using namespace engine;
namespace {

using Keys = std::vector<std::string>;

// Two layers. The first loses .1 in symmetric ranges and .04 in others, the second .01; kl is as
// good as minmax.
void set_losses(FakeExperiments& fake) {
  fake.loss = [](std::size_t module, const LayerOption& option) {
    if (!option.quantized()) return 0.0;
    if (module == 1) return 0.01;
    return option.scheme == Scheme::symmetric ? 0.1 : 0.04;
  };
}

TEST_CASE("basic: all alike, each layer alone from the last on, then the best first") {
  const TuningSpace space = linear_space(2);
  FakeExperiments fake(space);
  set_losses(fake);
  run_search(request_for(space, "basic", 100), fake);
  CHECK(fake.trials() == Keys{
                             "0.0/0/0", "1.1/0/0", "2.2/0/0", "3.3/0/0",
                             // Equal to the first, and later: 1.1 is the best. Last layer first.
                             "1.4/0/0", "4.1/0/0",
                             // The first layer gains more: kept, then the second beside it.
                             // (4.1 was tried and is not run again.)
                             "4.4/0/0",
                             // Without looking back: the same two again, both known.
                         });
}

TEST_CASE("mse: of equals the earlier wins, and the outputs' errors give the order") {
  const TuningSpace space = linear_space(2);
  FakeExperiments fake(space);
  set_losses(fake);
  run_search(request_for(space, "mse", 100), fake);
  CHECK(fake.asked == Keys{"baseline", "trial 0.0/0/0", "trial 1.1/0/0", "trial 2.2/0/0",
                           "trial 3.3/0/0", "errors 0.0/0/0", "trial 4.0/0/0", "trial 4.4/0/0"});
}

TEST_CASE(
    "a layer that makes it worse in FP32 is put back, and the last phase does not look back") {
  const TuningSpace space = linear_space(3);
  FakeExperiments fake(space);
  fake.loss = [](std::size_t, const LayerOption& option) {
    return option.quantized() ? 0.02 : 0.0;
  };
  // In FP32 the last layer spoils the others, unless it is alone.
  fake.adjust = [](double score, const Configuration& configuration) {
    const auto& o = configuration.options;
    return o[2] == 4 && (o[0] == 4 || o[1] == 4) ? score - 0.5 : score;
  };
  run_search(request_for(space, "basic", 100), fake);
  CHECK(fake.trials() == Keys{
                             "0.0.0/0/0", "1.1.1/0/0", "2.2.2/0/0", "3.3.3/0/0", "3.3.4/0/0",
                             "3.4.3/0/0", "4.3.3/0/0",  // alone, all worth the same
                             "3.4.4/0/0",               // worse: the middle goes back
                             "4.3.4/0/0",               // and so does the first
                             "4.4.4/0/0",               // the end of the last phase
                         });
}

TEST_CASE("scores below zero never become the best: one trial of first options is all") {
  const TuningSpace space = linear_space(1);
  FakeExperiments fake(space);
  fake.baseline_score = -0.2;
  run_search(request_for(space, "basic", 100), fake);
  CHECK(fake.trials() == Keys{"0/0/0", "1/0/0", "2/0/0", "3/0/0"});
  // Where lower is better, a loss below zero is a good one.
  FakeExperiments losses(space);
  losses.baseline_score = -0.2;
  SearchRequest request = request_for(space, "basic", 100);
  request.goal.higher_is_better = false;
  run_search(request, losses);
  CHECK(losses.trials().back() == "4/0/0");
}

TEST_CASE("a score of zero can be the best, by later ties for basic alone") {
  const TuningSpace space = linear_space(1);
  for (const auto& [strategy, expected] :
       {std::pair("basic", Keys{"0/0/0", "1/0/0", "2/0/0", "3/0/0", "4/0/0"}),
        std::pair("mse", Keys{"0/0/0", "1/0/0", "2/0/0", "3/0/0"})}) {
    FakeExperiments fake(space);
    fake.baseline_score = 0.0;
    run_search(request_for(space, strategy, 100), fake);
    CHECK(fake.trials() == expected);
  }
}

TEST_CASE("each number of samples has its model-wise trials") {
  TuningSpace space = linear_space(1);
  space.sampling_sizes = {50, 100};
  FakeExperiments fake(space);
  run_search(request_for(space, "basic", 8), fake);
  CHECK(fake.trials() ==
        Keys{"0/0/0", "1/0/0", "2/0/0", "3/0/0", "0/1/0", "1/1/0", "2/1/0", "3/1/0"});
}

TEST_CASE("a module without INT8 has its first option, one without FP32 is not lifted") {
  TuningSpace space = linear_space(3);
  space.modules[1].options = {fp32};
  space.modules[2].options.pop_back();
  FakeExperiments fake(space);
  run_search(request_for(space, "basic", 100), fake);
  CHECK(fake.trials() == Keys{"0.0.0/0/0", "1.0.1/0/0", "2.0.2/0/0", "3.0.3/0/0", "4.0.3/0/0"});
}

TEST_CASE("a module that lacks the model-wise option takes its first in INT8") {
  TuningSpace space = linear_space(2);
  space.modules[1].options = {fp32, fixed(Scheme::symmetric, RangeAlgorithm::kl)};
  FakeExperiments fake(space);
  run_search(request_for(space, "basic", 4), fake);
  CHECK(fake.trials() == Keys{"0.1/0/0", "1.1/0/0", "2.1/0/0", "3.1/0/0"});
}

TEST_CASE("model-wise combinations: a product of types, fewer different options first") {
  TuningSpace space = linear_space(1);
  space.linear = {fixed(Scheme::asymmetric, RangeAlgorithm::kl), dynamic, fp32};
  space.attention = {dynamic, fp32};
  space.embedding = {dynamic, fp32};
  const auto combinations = model_wise_combinations(space);
  REQUIRE(combinations.size() == 2);
  CHECK(combinations[0].linear == dynamic);  // one option for all types
  CHECK(combinations[1].linear == fixed(Scheme::asymmetric, RangeAlgorithm::kl));
}

TEST_CASE("exhaustive: the last module fastest, without FP32") {
  TuningSpace space = linear_space(2);
  for (TunableModule& module : space.modules) {
    module.options = {fixed(Scheme::asymmetric, RangeAlgorithm::kl), dynamic, fp32};
  }
  FakeExperiments fake(space);
  const SearchResult result = run_search(request_for(space, "exhaustive", 100), fake);
  CHECK(fake.trials() == Keys{"0.0/0/0", "0.1/0/0", "1.0/0/0", "1.1/0/0"});
  CHECK(result.trials.size() == 4);
}

TEST_CASE("random: numpy's choices for the seed, the number of samples first") {
  TuningSpace space = linear_space(3);
  space.sampling_sizes = {50, 100};
  FakeExperiments fake(space);
  run_search(request_for(space, "random", 20, 9527), fake);
  NumpyRandom random(9527);
  Keys expected;
  std::set<std::string> seen;
  for (int trial = 0; trial < 20; ++trial) {
    Configuration configuration;
    configuration.sampling = static_cast<std::uint16_t>(random.choice(2));
    for (int i = 0; i < 3; ++i) {
      configuration.options.push_back(static_cast<std::uint16_t>(random.choice(4)));
    }
    const std::string key = configuration_key(configuration);
    if (seen.insert(key).second) expected.push_back(key);
  }
  CHECK(fake.trials() == expected);
}

TEST_CASE("random ends though its space is exhausted: duplicates count") {
  const TuningSpace space = linear_space(1);
  FakeExperiments fake(space);
  const SearchResult result = run_search(request_for(space, "random", 50), fake);
  CHECK(fake.trials().size() == 4);
  CHECK(result.trials.back().number <= 50);
}

// A hundred thousand combinations, of which a score tells how many modules are right.
TEST_CASE("bayesian finds more than chance does, and the same each time") {
  const TuningSpace space = linear_space(8);
  const auto best_of = [&](const char* strategy) {
    FakeExperiments fake(space);
    fake.loss = [](std::size_t module, const LayerOption& option) {
      const auto wanted = module % 2 == 0 ? RangeAlgorithm::kl : RangeAlgorithm::minmax;
      return option.algorithm == wanted && option.scheme == Scheme::symmetric ? 0.0 : 0.05;
    };
    const SearchResult result = run_search(request_for(space, strategy, 40), fake);
    return std::pair(result.trials.at(*result.best).outcome.score, fake.trials());
  };
  const auto [score, trials] = best_of("bayesian");
  CHECK(best_of("bayesian").second == trials);
  CHECK(score >= best_of("random").first);
}

TEST_CASE("bayesian: points at random until two scores differ, drawn by the modules' names") {
  TuningSpace space = linear_space(2);
  space.modules[0].name = "z";  // the second by name
  FakeExperiments fake(space);
  run_search(request_for(space, "bayesian", 3, 9527), fake);
  NumpyRandom random(9527);
  Keys expected;
  for (int trial = 0; trial < 3; ++trial) {
    const auto layer = static_cast<int>(random.uniform(0, 4));
    const auto z = static_cast<int>(random.uniform(0, 4));
    expected.push_back(std::to_string(z) + "." + std::to_string(layer) + "/0/0");
  }
  CHECK(fake.trials() == expected);
}

TEST_CASE("bayesian without a choice tries the one there is") {
  TuningSpace space = linear_space(1);
  space.modules[0].options = {fp32, dynamic};
  FakeExperiments fake(space);
  run_search(request_for(space, "bayesian", 10), fake);
  CHECK(fake.trials() == Keys{"1/0/0"});
}

TEST_CASE("strategies by name") {
  for (const char* name : {"sensitivity", "basic", "mse", "exhaustive", "random", "bayesian"}) {
    REQUIRE(find_strategy(name) != nullptr);
    CHECK(find_strategy(name)->name == name);
  }
  CHECK(find_strategy("tpe") == nullptr);
}

}  // namespace
}  // namespace bertq::testing
