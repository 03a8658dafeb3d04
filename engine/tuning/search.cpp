#include "engine/tuning/search.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <new>
#include <system_error>

#include "bertq/error.h"
#include "engine/tuning/search_records.h"

namespace bertq::engine {
namespace {

using Clock = std::chrono::steady_clock;

double or_infinity(double value) {
  return std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
}

bool ends_the_search(const Error& error) {
  return error.kind() != ErrorKind::input && error.kind() != ErrorKind::usage;
}

// What an evaluation throws is its trial's failure, unless nothing else could go well either.
template <typename Experiment>
Outcome guarded(Experiment&& experiment) {
  Outcome outcome;
  try {
    outcome = experiment();
  } catch (const Error& error) {
    if (ends_the_search(error)) throw;
    outcome.failure = error.what();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::system_error&) {
    throw;
  } catch (const std::exception& error) {
    outcome.failure = error.what();
  }
  return outcome;
}

class SearchRun final : public Trials {
 public:
  SearchRun(const SearchRequest& request, Experiments& experiments, Journal* journal,
            SearchObserver& observer)
      : request_(request),
        experiments_(experiments),
        journal_(journal),
        observer_(observer),
        known_(journal == nullptr ? KnownRecords() : KnownRecords(journal->records())) {}

  SearchResult run() {
    measure_baseline();
    try {
      end_if(!observer_.wants_more());
      request_.strategy.search(request_.space, *this, request_.seed);
    } catch (const SearchEnded&) {
    }
    result_.seconds = elapsed_;
    return std::move(result_);
  }

  const Goal& goal() const override { return request_.goal; }
  const Outcome& baseline() const override { return result_.baseline; }

  Outcome score(const Configuration& configuration) override {
    const std::string key = configuration_key(configuration);
    ++asked_;
    const auto [earlier, fresh] = place_of_.emplace(key, result_.trials.size());
    if (!fresh) {
      const Outcome outcome = result_.trials[earlier->second].outcome;
      end_if(asked_ >= request_.exit.max_trials);
      return outcome;
    }
    Trial trial{asked_, configuration, {}, 0.0, false, false};
    trial.outcome = answer(RecordKind::trial, key, trial.restored, [&] {
      Outcome outcome = guarded([&] { return experiments_.score(configuration); });
      if (!outcome.failed() && std::isnan(outcome.score))
        outcome.failure = "its score is no number";
      return outcome;
    });
    trial.meets_goal = meets_goal(trial.outcome);
    trial.measure = measure_of(trial);
    const Outcome outcome = trial.outcome;
    take(std::move(trial));
    end_if(!observer_.wants_more() || request_.exit.ends(asked_, elapsed_, result_.goal_met()));
    return outcome;
  }

  Outcome probe(const Configuration& configuration) override {
    bool restored = false;
    const Outcome outcome =
        answer(RecordKind::probe, configuration_key(configuration), restored,
               [&] { return guarded([&] { return experiments_.probe(configuration); }); });
    ++result_.probes;
    observer_.on_probe(outcome);
    end_if(!observer_.wants_more() || is_late());
    return outcome;
  }

  std::vector<double> output_errors(const Configuration& configuration) override {
    const std::string key = configuration_key(configuration);
    if (const KnownRecord* known = known_.find(RecordKind::output_errors, key)) {
      elapsed_ = std::max(elapsed_, known->elapsed);
      return known->numbers;
    }
    KnownRecord record;
    const auto start = Clock::now();
    record.numbers = experiments_.output_errors(configuration);
    keep(RecordKind::output_errors, key, record, start);
    return record.numbers;
  }

  void set_costs(const Costs& costs) override { costs_ = costs; }
  void set_sensitivities(std::vector<Sensitivity> sensitivities) override {
    result_.sensitivities = std::move(sensitivities);
  }

 private:
  void measure_baseline() {
    bool restored = false;
    result_.baseline =
        answer(RecordKind::baseline, "", restored, [&] { return experiments_.baseline(); });
    if (std::isnan(result_.baseline.score)) {
      throw Error(ErrorKind::input, "the FP32 baseline has no score: its metric is not a number");
    }
    observer_.on_baseline(result_.baseline, restored);
  }

  // From the journal, or by experiment and then into the journal.
  template <typename Experiment>
  Outcome answer(RecordKind kind, const std::string& key, bool& restored, Experiment&& experiment) {
    if (const KnownRecord* known = known_.find(kind, key)) {
      elapsed_ = std::max(elapsed_, known->elapsed);
      restored = true;
      return known->outcome;
    }
    KnownRecord record;
    const auto start = Clock::now();
    record.outcome = experiment();
    keep(kind, key, record, start);
    return record.outcome;
  }

  void keep(RecordKind kind, const std::string& key, KnownRecord& record, Clock::time_point start) {
    elapsed_ += std::chrono::duration<double>(Clock::now() - start).count();
    record.elapsed = elapsed_;
    if (journal_ != nullptr) journal_->append(record_text(kind, key, record));
    known_.add(kind, key, record);
  }

  double measure_of(const Trial& trial) const {
    if (request_.goal.objective != Objective::time || costs_.empty()) {
      return trial.outcome.measure(request_.goal.objective);
    }
    double seconds = 0.0;
    for (std::size_t i = 0; i < costs_.size(); ++i) {
      seconds += costs_[i].at(trial.configuration.options[i]);
    }
    return seconds;
  }

  void take(Trial trial) {
    result_.trials.push_back(std::move(trial));
    const Trial& taken = result_.trials.back();
    const bool best =
        !taken.outcome.failed() &&
        (!result_.best || is_better(taken, result_.trials[*result_.best], request_.goal));
    if (best) {
      result_.best = result_.trials.size() - 1;
      observer_.on_best(taken, result_.baseline);
    }
    observer_.on_trial(taken, result_.best ? result_.trials[*result_.best] : taken);
  }

  bool is_late() const {
    const auto& timeout = request_.exit.timeout_seconds;
    return timeout && *timeout != 0.0 && elapsed_ >= *timeout;
  }

  void end_if(bool over) const {
    if (over) throw SearchEnded();
  }

  const SearchRequest& request_;
  Experiments& experiments_;
  Journal* journal_;
  SearchObserver& observer_;
  KnownRecords known_;
  SearchResult result_;
  Costs costs_;
  std::map<std::string, std::size_t> place_of_;  // of each configuration tried, its trial
  std::size_t asked_ = 0;
  double elapsed_ = 0.0;
};

}  // namespace

double Outcome::measure(Objective objective) const {
  switch (objective) {
    case Objective::time:
      return or_infinity(seconds);
    case Objective::memory:
      return or_infinity(peak_bytes);
    case Objective::size:
      break;
  }
  return or_infinity(weights_bytes);
}

bool is_better(const Trial& a, const Trial& b, const Goal& goal) {
  if (a.meets_goal != b.meets_goal) return a.meets_goal;
  if (a.meets_goal) {
    if (a.measure != b.measure) return a.measure < b.measure;
  } else {
    const double merit_a = goal.merit(a.outcome.score), merit_b = goal.merit(b.outcome.score);
    if (merit_a != merit_b) return merit_a > merit_b;
  }
  return or_infinity(a.outcome.error) < or_infinity(b.outcome.error);
}

std::vector<std::size_t> pareto_front(const SearchResult& result, const Goal& goal) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < result.trials.size(); ++i) {
    if (!result.trials[i].outcome.failed()) order.push_back(i);
  }
  const auto merit = [&](std::size_t i) { return goal.merit(result.trials[i].outcome.score); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const double measure_a = result.trials[a].measure, measure_b = result.trials[b].measure;
    return measure_a != measure_b ? measure_a < measure_b : merit(a) > merit(b);
  });
  std::vector<std::size_t> front;
  for (const std::size_t i : order) {
    if (front.empty() || merit(i) > merit(front.back())) front.push_back(i);
  }
  return front;
}

SearchResult search(const SearchRequest& request, Experiments& experiments, Journal* journal,
                    SearchObserver& observer) {
  return SearchRun(request, experiments, journal, observer).run();
}

}  // namespace bertq::engine
