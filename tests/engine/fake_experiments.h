// A landscape in place of a model, for tests of searches: every option of every module spoils
// outputs and score by a known amount.
#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/tuning/search.h"

namespace bertq::testing {
using namespace engine;

// INT8 with fixed ranges.
inline LayerOption fixed(Scheme scheme, RangeAlgorithm algorithm) {
  return {Precision::int8, Granularity::per_channel, Ranges::fixed, scheme, algorithm};
}
inline const LayerOption fp32{.precision = Precision::fp32};
inline const LayerOption dynamic{};

// `count` linear layers with LPOT's options for PyTorch: asym-kl, asym-minmax, sym-kl, sym-minmax,
// fp32.
inline TuningSpace linear_space(std::size_t count) {
  TuningSpace space;
  space.linear = {fixed(Scheme::asymmetric, RangeAlgorithm::kl),
                  fixed(Scheme::asymmetric, RangeAlgorithm::minmax),
                  fixed(Scheme::symmetric, RangeAlgorithm::kl),
                  fixed(Scheme::symmetric, RangeAlgorithm::minmax), fp32};
  for (std::size_t i = 0; i < count; ++i) {
    space.modules.push_back(
        {"layer." + std::to_string(i), ModuleKind::linear, 100.0, space.linear});
  }
  return space;
}

class FakeExperiments : public Experiments {
 public:
  explicit FakeExperiments(const TuningSpace& space) : space_(space) {}

  // What an option of a module takes off the score, and adds to the squared error.
  std::function<double(std::size_t module, const LayerOption& option)> loss =
      [](std::size_t, const LayerOption&) { return 0.0; };
  std::function<double(double score, const Configuration&)> adjust =
      [](double score, const Configuration&) { return score; };
  // By how much accuracy methods multiply what all modules lose.
  std::function<double(std::uint32_t methods)> method_gain = [](std::uint32_t) { return 1.0; };
  // Seconds of a unit of work: FP32 and BF16 take five times as long as INT8.
  std::function<double(const LayerOption& option)> pace = [](const LayerOption& option) {
    return option.quantized() ? 1e-3 : 5e-3;
  };
  // By how much a measured time is off.
  std::function<double()> wobble = [] { return 1.0; };
  double baseline_score = 0.9;
  std::vector<std::string> asked;  // "trial 0.0.4/0/0", "probe ..."

  Outcome baseline() override {
    asked.emplace_back("baseline");
    return outcome(0.0, baseline_score, seconds_of(nullptr));
  }
  Outcome score(const Configuration& configuration) override {
    asked.push_back("trial " + configuration_key(configuration));
    const double lost = loss_of(configuration);
    return outcome(lost, adjust(baseline_score - lost, configuration), seconds_of(&configuration));
  }
  Outcome probe(const Configuration& configuration) override {
    asked.push_back("probe " + configuration_key(configuration));
    return outcome(loss_of(configuration), Outcome::unknown, seconds_of(&configuration));
  }
  std::vector<double> output_errors(const Configuration& configuration) override {
    asked.push_back("errors " + configuration_key(configuration));
    std::vector<double> errors;
    for (std::size_t i = 0; i < space_.modules.size(); ++i) {
      errors.push_back(loss(i, option_of(configuration, i)));
    }
    return errors;
  }

  std::vector<std::string> trials() const {
    std::vector<std::string> keys;
    for (const std::string& entry : asked) {
      if (entry.starts_with("trial ")) keys.push_back(entry.substr(6));
    }
    return keys;
  }

 private:
  const LayerOption& option_of(const Configuration& configuration, std::size_t module) const {
    return space_.modules[module].options.at(configuration.options.at(module));
  }
  double loss_of(const Configuration& configuration) const {
    double lost = 0.0;
    for (std::size_t i = 0; i < space_.modules.size(); ++i) {
      lost += loss(i, option_of(configuration, i));
    }
    return lost * method_gain(configuration.methods);
  }
  // Of FP32 throughout, where there is no configuration.
  double seconds_of(const Configuration* configuration) const {
    double seconds = 0.0;
    for (std::size_t i = 0; i < space_.modules.size(); ++i) {
      const LayerOption& option = configuration == nullptr ? fp32 : option_of(*configuration, i);
      seconds += space_.modules[i].work * pace(option);
    }
    return seconds * wobble();
  }
  static Outcome outcome(double lost, double score, double seconds) {
    Outcome outcome;
    outcome.score = score;
    outcome.seconds = seconds;
    outcome.error = std::sqrt(lost);
    outcome.weights_bytes = seconds * 1e6;
    outcome.peak_bytes = seconds * 2e6;
    return outcome;
  }

  const TuningSpace& space_;
};

inline SearchRequest request_for(const TuningSpace& space, const char* strategy,
                                 std::size_t max_trials, std::uint64_t seed = 1978) {
  ExitPolicy exit;
  exit.timeout_seconds = std::nullopt;
  exit.max_trials = max_trials;
  return {space, *find_strategy(strategy), Goal{}, exit, seed};
}

inline SearchResult run_search(const SearchRequest& request, Experiments& experiments,
                               Journal* journal = nullptr) {
  SearchObserver silent;
  return search(request, experiments, journal, silent);
}

}  // namespace bertq::testing
