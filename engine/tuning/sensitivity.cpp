// bertq's own strategy. What can be learned from a few examples is learned from them: probes
// compare outputs with FP32's, which needs no labels and tells far more than the flips of a score.
// The whole set is asked only about recipes that are worth it.
//
// 1. Probes: every way of having all layers alike in INT8; the accuracy methods, one after another;
//    what each layer's way back to FP32 saves in error and costs in time.
// 2. Trials of the recipes in INT8 throughout, the one with the least error first.
// 3. Without one that meets the goal: another way for the worst layers, then as few layers back to
//    FP32 (BF16, where it is fast) as will do, those first that save most for what they cost.
// 4. With one: the next layers back to FP32 for the score that a little time buys, so that there is
//    a front to choose from.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "engine/tuning/costs.h"
#include "engine/tuning/methods.h"
#include "engine/tuning/model_wise.h"
#include "engine/tuning/strategy.h"

namespace bertq::engine {
namespace {

constexpr std::size_t most_combinations = 48;  // that are probed
constexpr std::size_t wanted_trials = 12;      // for a front worth looking at
constexpr std::size_t most_alternatives = 3;   // other fixed ranges that are tried
constexpr std::size_t most_refined = 3, most_pruned = 12;
constexpr double worth_a_method = 0.97;  // of the error before
constexpr double guilty_share = 0.1;     // of the squared error
constexpr double nearly_all = 0.8;       // of what FP32 would save

double error_of(const Outcome& outcome) {
  return outcome.failed() || std::isnan(outcome.error) ? std::numeric_limits<double>::infinity()
                                                       : outcome.error;
}

struct Candidate {
  Configuration configuration;
  double error = 0.0;
  bool dynamic = false;
};

class SensitivitySearch {
 public:
  SensitivitySearch(const TuningSpace& space, Trials& trials) : space_(space), trials_(trials) {}

  void run() {
    probe_combinations();
    const Configuration plain = candidates_.front().configuration;
    costs_ = measure_costs(space_, trials_, plain);
    trials_.set_costs(costs_);
    base_ = with_methods(plain);
    measure_sensitivities();
    if (try_int8(plain)) {
      add_to_front();
    } else {
      fall_back();
    }
  }

 private:
  double probe(const Configuration& configuration) {
    return error_of(trials_.probe(configuration));
  }
  // A trial; whether it meets the goal.
  bool meets(const Configuration& configuration) {
    tried_.insert(configuration);
    return trials_.meets_goal(trials_.score(configuration));
  }

  // Weights per tensor where there are others can only be worse. Fixed ranges before dynamic ones,
  // which cost more; then by error.
  void probe_combinations() {
    std::set<Configuration> seen;
    for (std::size_t sampling = 0; sampling < space_.sampling_sizes.size(); ++sampling) {
      for (const ModelWise& choice : model_wise_combinations(space_)) {
        const Configuration configuration = spread(space_, choice, sampling);
        if (choice.linear.weights == Granularity::per_tensor && has_per_channel()) continue;
        if (seen.size() == most_combinations || !seen.insert(configuration).second) continue;
        candidates_.push_back(
            {configuration, probe(configuration), choice.linear.activations == Ranges::dynamic});
      }
    }
    std::stable_sort(candidates_.begin(), candidates_.end(),
                     [](const Candidate& a, const Candidate& b) {
                       return a.dynamic != b.dynamic ? b.dynamic : a.error < b.error;
                     });
  }

  bool has_per_channel() const {
    return std::any_of(space_.linear.begin(), space_.linear.end(), [](const LayerOption& option) {
      return option.quantized() && option.weights == Granularity::per_channel;
    });
  }

  bool is_quantized(const Configuration& configuration) const {
    for (std::size_t i = 0; i < space_.modules.size(); ++i) {
      if (space_.modules[i].options[configuration.options[i]].quantized()) return true;
    }
    return false;
  }

  // Method after method, each kept if it helps. Rounding looks for the best integers itself: with
  // it, there is nothing left for clipping to do.
  Configuration with_methods(Configuration configuration) {
    if (!space_.methods || !is_quantized(configuration)) return configuration;
    double error = probe(configuration);
    for (const std::uint32_t method :
         {method_equalization, method_rounding, method_weight_clipping, method_bias_correction}) {
      const bool rounded = (configuration.methods & method_rounding) != 0;
      if ((configuration.methods & method) != 0) continue;
      if (method == method_weight_clipping && rounded) continue;
      Configuration next = configuration;
      next.methods |= method;
      const double next_error = probe(next);
      if (next_error >= error * worth_a_method) continue;
      configuration = next;
      error = next_error;
      method_steps_.push_back(configuration);
    }
    return configuration;
  }

  Configuration with_option(Configuration configuration, std::size_t module, std::size_t option) {
    configuration.options[module] = static_cast<std::uint16_t>(option);
    return configuration;
  }

  double extra_cost(std::size_t module, std::size_t option) const {
    return std::max(0.0, costs_[module][option] - costs_[module][base_.options[module]]);
  }

  void measure_sensitivities() {
    const double all = probe(base_);
    for (std::size_t i = 0; i < space_.modules.size(); ++i) {
      const TunableModule& module = space_.modules[i];
      if (!has_fp32(module) || !module.options[base_.options[i]].quantized()) continue;
      const std::size_t fp32 = fp32_option(module);
      const double without = probe(with_option(base_, i, fp32));
      const double share =
          all > 0.0 && std::isfinite(all) ? 1.0 - without * without / (all * all) : 0.0;
      sensitivities_.push_back({i, without, share, extra_cost(i, fp32)});
    }
    std::stable_sort(sensitivities_.begin(), sensitivities_.end(),
                     [](const Sensitivity& a, const Sensitivity& b) { return a.share > b.share; });
    trials_.set_sensitivities(sensitivities_);
  }

  // Whether any way in INT8 throughout meets the goal.
  bool try_int8(const Configuration& plain) {
    std::vector<Configuration> ways = {base_, plain};
    ways.insert(ways.end(), method_steps_.begin(), method_steps_.end());
    // A few examples may be wrong about the methods: the whole set is asked as well.
    for (const std::uint32_t methods :
         {method_equalization, method_equalization | method_rounding}) {
      if (!space_.methods || !is_quantized(plain)) break;
      ways.push_back(plain);
      ways.back().methods |= methods;
    }
    // Of the fixed ranges the next best, and the best dynamic ones.
    const auto add = [&](bool dynamic, std::size_t most) {
      for (std::size_t i = 1; i < candidates_.size() && most > 0; ++i) {
        if (candidates_[i].dynamic != dynamic) continue;
        Configuration way = candidates_[i].configuration;
        // Methods take as long as several trials: not for those that come second.
        if (dynamic) way.methods = base_.methods;
        ways.push_back(way);
        --most;
      }
    };
    add(true, 1);
    add(false, most_alternatives);
    bool met = false;
    for (const Configuration& way : ways) met = meets(way) || met;
    return met;
  }

  // What is changed about a module to get rid of its error.
  struct Remedy {
    std::size_t module = 0, option = 0;
    double worth = 0.0;
  };

  // What a module goes back to: BF16, where the space has it.
  static std::size_t lifted_option(const TunableModule& module) {
    return has_bf16(module) ? option_in(module, Precision::bf16) : fp32_option(module);
  }

  // Another INT8 way that saves nearly as much as FP32 does, else BF16 or FP32.
  Remedy remedy_for(const Sensitivity& sensitivity) {
    const TunableModule& module = space_.modules[sensitivity.module];
    std::size_t chosen = lifted_option(module);
    if (sensitivity.share >= guilty_share) {
      const double all = probe(base_);
      double least = all * all - nearly_all * (all * all - square(sensitivity.error_without));
      for (std::size_t option = 0; option < module.options.size(); ++option) {
        if (!module.options[option].quantized()) continue;
        const double squared = square(probe(with_option(base_, sensitivity.module, option)));
        if (squared >= least) continue;
        least = squared;
        chosen = option;
      }
    }
    const double cost = extra_cost(sensitivity.module, chosen) + mean_cost();
    return {sensitivity.module, chosen, sensitivity.share / cost};
  }
  static double square(double value) { return value * value; }

  double mean_cost() const {
    double sum = 0.0;
    for (const Sensitivity& sensitivity : sensitivities_) sum += sensitivity.seconds;
    return std::max(sum / static_cast<double>(std::max<std::size_t>(sensitivities_.size(), 1)),
                    std::numeric_limits<double>::min());
  }

  std::vector<Remedy> remedies(std::size_t most_searched) {
    std::vector<Remedy> list;
    for (std::size_t i = 0; i < sensitivities_.size(); ++i) {
      const Sensitivity& sensitivity = sensitivities_[i];
      if (i < most_searched) {
        list.push_back(remedy_for(sensitivity));
      } else {
        const std::size_t option = lifted_option(space_.modules[sensitivity.module]);
        const double cost = extra_cost(sensitivity.module, option) + mean_cost();
        list.push_back({sensitivity.module, option, sensitivity.share / cost});
      }
    }
    std::stable_sort(list.begin(), list.end(),
                     [](const Remedy& a, const Remedy& b) { return a.worth > b.worth; });
    return list;
  }

  Configuration remedied(const std::vector<Remedy>& list, std::size_t count) {
    Configuration configuration = base_;
    for (std::size_t i = 0; i < count; ++i) {
      configuration.options[list[i].module] = static_cast<std::uint16_t>(list[i].option);
    }
    return configuration;
  }

  // The fewest first remedies that will do: twice as many until they do, then between.
  void fall_back() {
    std::vector<Remedy> list = remedies(most_refined);
    std::size_t too_few = 0, enough = 0;
    for (std::size_t count = 1; enough == 0 && too_few < list.size();
         count = std::min(2 * count, list.size())) {
      (meets(remedied(list, count)) ? enough : too_few) = count;
    }
    if (enough == 0) {
      all_in_fp32(std::move(list));
      return;
    }
    while (enough - too_few > 1) {
      const std::size_t middle = (too_few + enough) / 2;
      (meets(remedied(list, middle)) ? enough : too_few) = middle;
    }
    list.resize(enough);
    prune(std::move(list));
  }

  // Where BF16 and other ways of INT8 were not enough.
  void all_in_fp32(std::vector<Remedy> list) {
    if (std::none_of(space_.modules.begin(), space_.modules.end(), has_bf16)) return;
    for (Remedy& remedy : list) remedy.option = fp32_option(space_.modules[remedy.module]);
    meets(remedied(list, list.size()));
  }

  // Leaves out what turns out not to be needed, the least worth first.
  void prune(std::vector<Remedy> list) {
    std::size_t left = most_pruned;
    for (std::size_t i = list.size(); i-- > 0 && list.size() > 1 && left > 0; --left) {
      std::vector<Remedy> fewer = list;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
      if (meets(remedied(fewer, fewer.size()))) list = std::move(fewer);
    }
  }

  void add_to_front() {
    const std::vector<Remedy> list = remedies(0);
    for (std::size_t count = 1; count <= list.size() && tried_.size() < wanted_trials; ++count) {
      meets(remedied(list, count));
    }
  }

  const TuningSpace& space_;
  Trials& trials_;
  std::vector<Candidate> candidates_;        // the best first
  std::vector<Configuration> method_steps_;  // with one method, with two, ...
  Configuration base_;                       // INT8 throughout, with the methods that help
  Costs costs_;
  std::vector<Sensitivity> sensitivities_;
  std::set<Configuration> tried_;
};

}  // namespace

void search_by_sensitivity(const TuningSpace& space, Trials& trials, std::uint64_t /*seed*/) {
  SensitivitySearch(space, trials).run();
}

}  // namespace bertq::engine
