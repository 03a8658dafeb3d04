// One search: a strategy asks, experiments answer, the journal remembers, the exit policy ends it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/tuning/goal.h"
#include "engine/tuning/journal.h"
#include "engine/tuning/strategy.h"
#include "engine/tuning/trials.h"
#include "engine/tuning/tuning_space.h"

namespace bertq::engine {

// What measures: a model and its data, or a test's stand-in.
class Experiments {
 public:
  virtual ~Experiments() = default;
  // Each may throw. For score() and probe(), an exception of bad input (Error of kind input,
  // loaders::FormatError, std::runtime_error of the evaluation) is a failed trial; want of
  // resources ends the search.
  virtual Outcome baseline() = 0;
  virtual Outcome score(const Configuration& configuration) = 0;
  virtual Outcome probe(const Configuration& configuration) = 0;
  virtual std::vector<double> output_errors(const Configuration& configuration) = 0;
};

struct Trial {
  std::size_t number = 0;  // from 1; duplicates have numbers too, but are no trials
  Configuration configuration;
  Outcome outcome;
  double measure = 0.0;  // by the goal's objective: seconds (the strategy's costs, if it has some)
  bool meets_goal = false;
  bool restored = false;  // from the journal
};

// Told of what is in the journal already, so that nothing that was shown is lost.
class SearchObserver {
 public:
  virtual ~SearchObserver() = default;
  virtual void on_baseline(const Outcome& /*baseline*/, bool /*restored*/) {}
  virtual void on_probe(const Outcome& /*outcome*/) {}
  // `best` is the best of all trials so far, this one included.
  virtual void on_trial(const Trial& /*trial*/, const Trial& /*best*/) {}
  // Before on_trial: there is a new best.
  virtual void on_best(const Trial& /*best*/, const Outcome& /*baseline*/) {}
  // Asked after each of the above but on_best: false ends the search, as the exit policy does.
  virtual bool wants_more() { return true; }
};

struct SearchRequest {
  const TuningSpace& space;
  const Strategy& strategy;
  Goal goal = {};
  ExitPolicy exit = {};
  std::uint64_t seed = 1978;
};

struct SearchResult {
  Outcome baseline;
  std::vector<Trial> trials;        // in order, without duplicates
  std::optional<std::size_t> best;  // of trials; none if all failed
  std::vector<Sensitivity>
      sensitivities;  // most error first; empty unless the strategy measured it
  std::size_t probes = 0;
  double seconds = 0.0;  // of all experiments, in earlier runs too

  bool goal_met() const { return best && trials[*best].meets_goal; }
};

// With a journal, continues it: experiments that it knows are not run again. Throws what the
// experiments throw for the baseline and for want of resources, and what the journal throws; it
// then holds everything that an observer was told of.
SearchResult search(const SearchRequest& request, Experiments& experiments, Journal* journal,
                    SearchObserver& observer);

// Whether `a` is to be preferred: it meets the goal and `b` does not; or both do and it measures
// less; or neither does and its score is better. The smaller error where these are equal.
bool is_better(const Trial& a, const Trial& b, const Goal& goal);

// The trials that no other beats in both score and measure, by rising measure.
std::vector<std::size_t> pareto_front(const SearchResult& result, const Goal& goal);

}  // namespace bertq::engine
