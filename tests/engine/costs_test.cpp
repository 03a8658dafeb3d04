// What a search takes the options to cost, from made-up times: never from real ones.
#include "engine/tuning/costs.h"

#include <doctest/doctest.h>

#include <functional>
#include <utility>
#include <vector>

#include "engine/fake_experiments.h"
#include "engine/small_space.h"
#include "support/random.h"

namespace bertq::testing {
using namespace engine;
namespace {

TuningSpace space_with_bf16() {
  SpaceRequest request;
  request.bf16 = true;
  return small_space(request);
}

using Probe = std::function<Outcome(const Configuration&)>;

// Probes alone, which are all that costs are measured with.
class ProbesOnly final : public Trials {
 public:
  explicit ProbesOnly(Probe probe) : probe_(std::move(probe)) {}
  const Goal& goal() const override { return goal_; }
  const Outcome& baseline() const override { return baseline_; }
  Outcome score(const Configuration&) override { throw SearchEnded(); }
  Outcome probe(const Configuration& configuration) override { return probe_(configuration); }
  std::vector<double> output_errors(const Configuration&) override { throw SearchEnded(); }
  void set_costs(const Costs&) override {}
  void set_sensitivities(std::vector<Sensitivity>) override {}

 private:
  Probe probe_;
  Goal goal_;
  Outcome baseline_;
};

using Pace = std::function<double(const LayerOption&)>;

Pace pace(double bf16, double fp32_pace) {
  return [=](const LayerOption& option) {
    if (option.quantized()) return 1.0;
    return option.precision == Precision::bf16 ? bf16 : fp32_pace;
  };
}

Configuration all_int8(const TuningSpace& space) {
  Configuration configuration;
  for (const TunableModule& module : space.modules) {
    configuration.options.push_back(static_cast<std::uint16_t>(int8_option(module)));
  }
  return configuration;
}

Costs costs_of(const TuningSpace& space, FakeExperiments& fake) {
  ProbesOnly trials([&](const Configuration& configuration) { return fake.probe(configuration); });
  return measure_costs(space, trials, all_int8(space));
}

double cost_in(const TuningSpace& space, const Costs& costs, std::size_t module,
               Precision precision) {
  return costs[module][option_in(space.modules[module], precision)];
}

double total(const Costs& costs, const Configuration& configuration) {
  double sum = 0.0;
  for (std::size_t i = 0; i < costs.size(); ++i) sum += costs[i].at(configuration.options[i]);
  return sum;
}

TEST_CASE("BF16 costs the share of FP32's surplus that it was measured to have") {
  const TuningSpace space = space_with_bf16();
  for (const double bf16 : {1.5, 2.0, 4.0}) {
    CAPTURE(bf16);
    FakeExperiments fake(space);
    fake.pace = pace(bf16, 5.0);
    const Costs costs = costs_of(space, fake);
    for (std::size_t i = 0; i < space.modules.size(); ++i) {
      CAPTURE(space.modules[i].name);
      REQUIRE(has_bf16(space.modules[i]));
      const double int8 = space.modules[i].work;
      // Ranges of each token count 2 % more; those of attention are of no other kind.
      CHECK(cost_in(space, costs, i, Precision::int8) == doctest::Approx(int8).epsilon(0.021));
      CHECK(cost_in(space, costs, i, Precision::bf16) == doctest::Approx(bf16 * int8));
      CHECK(cost_in(space, costs, i, Precision::fp32) == doctest::Approx(5.0 * int8));
    }
  }
}

TEST_CASE("BF16 measured slower than FP32 costs what FP32 does") {
  const TuningSpace space = space_with_bf16();
  FakeExperiments fake(space);
  fake.pace = pace(7.0, 5.0);
  const Costs costs = costs_of(space, fake);
  for (std::size_t i = 0; i < space.modules.size(); ++i) {
    CHECK(cost_in(space, costs, i, Precision::bf16) ==
          doctest::Approx(cost_in(space, costs, i, Precision::fp32)));
  }
}

TEST_CASE("nothing costs less than INT8, whatever was measured; ties are INT8's") {
  const TuningSpace space = space_with_bf16();
  for (const auto& [bf16, fp32_pace] : {std::pair{1.0, 1.0}, {0.2, 0.5}, {1.0, 1.01}, {0.5, 5.0}}) {
    CAPTURE(bf16);
    CAPTURE(fp32_pace);
    FakeExperiments fake(space);
    fake.pace = pace(bf16, fp32_pace);
    const Costs costs = costs_of(space, fake);
    for (std::size_t i = 0; i < space.modules.size(); ++i) {
      const TunableModule& module = space.modules[i];
      for (std::size_t option = 0; option < module.options.size(); ++option) {
        if (!module.options[option].quantized()) continue;
        CHECK(costs[i][option] < cost_in(space, costs, i, Precision::bf16));
        CHECK(costs[i][option] < cost_in(space, costs, i, Precision::fp32));
      }
    }
  }
}

TEST_CASE("a failed probe of BF16 leaves its costs finite and above INT8's") {
  const TuningSpace space = space_with_bf16();
  FakeExperiments fake(space);
  fake.pace = pace(2.0, 5.0);
  ProbesOnly trials([&](const Configuration& configuration) {
    Outcome outcome = fake.probe(configuration);
    for (std::size_t i = 0; i < space.modules.size(); ++i) {
      const LayerOption& option = space.modules[i].options[configuration.options[i]];
      if (option.precision == Precision::bf16) outcome.failure = "activations are not finite";
    }
    return outcome;
  });
  const Costs costs = measure_costs(space, trials, all_int8(space));
  for (std::size_t i = 0; i < space.modules.size(); ++i) {
    const double bf16 = cost_in(space, costs, i, Precision::bf16);
    CHECK(bf16 > cost_in(space, costs, i, Precision::int8));
    CHECK(bf16 <= cost_in(space, costs, i, Precision::fp32));
  }
}

// INT8 meets the goal, and a little of the error goes with each layer that is lifted: only its cost
// speaks against that.
double small_loss(std::size_t, const LayerOption& option) {
  return option.quantized() ? 1e-5 : 0.0;
}

TEST_CASE("where noise makes BF16 and FP32 look free, plain INT8 is still what is saved") {
  const TuningSpace space = space_with_bf16();
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    FakeExperiments fake(space);
    Random random(seed);
    fake.loss = small_loss;
    fake.pace = pace(1.0, 1.0);
    fake.wobble = [&] { return static_cast<double>(random.uniform(0.5F, 1.5F)); };
    const SearchResult result = run_search(request_for(space, "sensitivity", 100), fake);
    REQUIRE(result.goal_met());
    const Trial& best = result.trials[*result.best];
    for (std::size_t i = 0; i < space.modules.size(); ++i) {
      CHECK(space.modules[i].options[best.configuration.options[i]].quantized());
    }
    for (const Trial& trial : result.trials) CHECK(best.measure <= trial.measure);
  }
}

TEST_CASE("one layer that has to go back: the others stay, and more is never cheaper") {
  const TuningSpace space = space_with_bf16();
  const std::size_t bad = space.index_of("bert.encoder.layer.1.intermediate.dense");
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    FakeExperiments fake(space);
    Random random(seed);
    fake.loss = [&](std::size_t module, const LayerOption& option) {
      return small_loss(module, option) + (module == bad && option.quantized() ? 0.2 : 0.0);
    };
    fake.pace = pace(1.0, 1.0);
    fake.wobble = [&] { return static_cast<double>(random.uniform(0.5F, 1.5F)); };
    const SearchResult result = run_search(request_for(space, "sensitivity", 100), fake);
    REQUIRE(result.goal_met());
    const Configuration& best = result.trials[*result.best].configuration;
    for (std::size_t i = 0; i < space.modules.size(); ++i) {
      CHECK(space.modules[i].options[best.options[i]].quantized() == (i != bad));
    }
  }
}

TEST_CASE("costs add up to what a configuration was made to take") {
  const TuningSpace space = space_with_bf16();
  FakeExperiments fake(space);
  fake.pace = pace(2.0, 5.0);
  const Costs costs = costs_of(space, fake);
  const Configuration int8 = all_int8(space);
  CHECK(total(costs, int8) == doctest::Approx(fake.probe(int8).seconds).epsilon(0.021));
  Configuration bf16 = int8;
  for (std::size_t i = 0; i < space.modules.size(); ++i) {
    bf16.options[i] = static_cast<std::uint16_t>(option_in(space.modules[i], Precision::bf16));
  }
  CHECK(total(costs, bf16) == doctest::Approx(fake.probe(bf16).seconds));
}

}  // namespace
}  // namespace bertq::testing
