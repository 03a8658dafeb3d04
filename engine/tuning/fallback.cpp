// LPOT v1.3's strategies `basic` and `mse`: all modules of a type alike; then modules back to FP32,
// one by one in an order that was measured; `basic` to BF16 first, where the space has it.
//
// Two things differ from LPOT. A duplicate is answered with its own earlier outcome, not with that
// of the trial before. And where lower scores are better, the best is the lowest.

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>

#include "engine/tuning/model_wise.h"
#include "engine/tuning/strategy.h"

namespace bertq::engine {
namespace {

struct Best {
  std::optional<Configuration> configuration;
  double merit = 0.0;
};

// A score below zero never becomes the best, where higher is better: the search has to begin with
// something that works.
double least_merit(const Trials& trials) {
  return trials.goal().higher_is_better ? 0.0 : -std::numeric_limits<double>::infinity();
}

enum class Ties : std::uint8_t { later_wins, earlier_wins };

Best try_model_wise(const TuningSpace& space, Trials& trials, Ties ties) {
  Best best{std::nullopt, least_merit(trials)};
  for (std::size_t sampling = 0; sampling < space.sampling_sizes.size(); ++sampling) {
    for (const ModelWise& choice : model_wise_combinations(space)) {
      const Configuration configuration = spread(space, choice, sampling);
      const double merit = trials.merit(trials.score(configuration));
      const bool better = ties == Ties::later_wins ? merit >= best.merit : merit > best.merit;
      if (better) best = {configuration, merit};
    }
  }
  return best;
}

Configuration lifted(const TuningSpace& space, Configuration configuration, std::size_t module,
                     Precision to) {
  configuration.options[module] = static_cast<std::uint16_t>(option_in(space.modules[module], to));
  return configuration;
}

// Those in INT8 that have an option in this precision, in the space's order.
std::vector<std::size_t> modules_to_lift(const TuningSpace& space, const Configuration& from,
                                         Precision to) {
  std::vector<std::size_t> modules;
  for (std::size_t i = 0; i < space.modules.size(); ++i) {
    const TunableModule& module = space.modules[i];
    if (has_option(module, to) && module.options[from.options[i]].quantized()) {
      modules.push_back(i);
    }
  }
  return modules;
}

// Module after module to another precision, kept only where that is strictly better than anything
// before, which best.merit follows; then all of them in the same order without looking back.
void accumulate(const TuningSpace& space, Trials& trials, Best& best, Precision to,
                const std::vector<std::size_t>& order) {
  Configuration current = *best.configuration;
  for (const std::size_t module : order) {
    const Configuration next = lifted(space, current, module, to);
    const double merit = trials.merit(trials.score(next));
    if (merit <= best.merit) continue;
    best.merit = merit;
    current = next;
  }
  current = *best.configuration;
  for (const std::size_t module : order) {
    current = lifted(space, current, module, to);
    trials.score(current);
  }
}

std::vector<std::size_t> sorted_by(std::vector<std::size_t> modules,
                                   const std::vector<double>& values) {
  std::stable_sort(modules.begin(), modules.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
  return modules;
}

// What the best recipe scores with one module alone lifted, from the last module to the first.
std::vector<std::size_t> order_by_score(const TuningSpace& space, Trials& trials,
                                        const Configuration& best, Precision to) {
  std::vector<std::size_t> modules = modules_to_lift(space, best, to);
  std::reverse(modules.begin(), modules.end());
  std::vector<double> merits(space.modules.size());
  for (const std::size_t module : modules) {
    merits[module] = trials.merit(trials.score(lifted(space, best, module, to)));
  }
  return sorted_by(std::move(modules), merits);
}

}  // namespace

void search_basic(const TuningSpace& space, Trials& trials, std::uint64_t /*seed*/) {
  Best best = try_model_wise(space, trials, Ties::later_wins);
  if (!best.configuration) {
    trials.score(first_options(space, 0));
    return;
  }
  for (const Precision to : {Precision::bf16, Precision::fp32}) {
    accumulate(space, trials, best, to, order_by_score(space, trials, *best.configuration, to));
  }
}

void search_mse(const TuningSpace& space, Trials& trials, std::uint64_t /*seed*/) {
  Best best = try_model_wise(space, trials, Ties::earlier_wins);
  if (!best.configuration) {
    trials.score(first_options(space, 0));
    return;
  }
  const std::vector<double> errors = trials.output_errors(*best.configuration);
  accumulate(space, trials, best, Precision::fp32,
             sorted_by(modules_to_lift(space, *best.configuration, Precision::fp32), errors));
}

}  // namespace bertq::engine
