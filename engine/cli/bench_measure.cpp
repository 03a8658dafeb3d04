#include "engine/cli/bench_measure.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <utility>

#include "bertq/error.h"
#include "engine/cli/bench_server.h"
#include "engine/cli/bench_sessions.h"
#include "engine/cli/memory.h"
#include "engine/cli/setup.h"

namespace bertq::engine::cli {
namespace {

constexpr std::size_t warm_ups = 2, fewest_passes = 3, most_passes = 1000;  // of a shape
constexpr std::size_t padded_batch = 8;

double one_pass(Session& session, const Workload& workload) {
  const auto start = std::chrono::steady_clock::now();
  for (const Batched& batched : workload.batches) forward(session, batched.batch);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

BenchRun passes(Session& session, const Workload& workload, const RequestSet& set, double seconds,
                std::size_t fewest, std::size_t most) {
  BenchRun run;
  while (run.latencies.size() < fewest || (run.seconds < seconds && run.latencies.size() < most)) {
    run.latencies.push_back(one_pass(session, workload));
    run.seconds += run.latencies.back();
  }
  const std::size_t count = run.latencies.size();
  run.examples = set.requests.size() * count;
  run.tokens = set.tokens() * count;
  run.operations = operations(session.model(), workload) * static_cast<double>(count);
  run.batches = workload.batches.size() * count;
  return run;
}

BenchResult result_of(const Subject& subject, const RequestSet& set) {
  BenchResult result;
  result.shape = set.name;
  result.precision = subject.precision;
  result.activations = subject.activations;
  result.requests = set.requests.size();
  std::vector<std::size_t> lengths;
  for (const Request& request : set.requests) lengths.push_back(request.encoding.size());
  result.padding_avoided = padding_share(lengths, padded_batch);
  return result;
}

// One shape in every model.
std::vector<BenchResult> measure_shape(const BenchPlan& plan, std::deque<Session>& sessions,
                                       const RequestSet& set) {
  const auto repeat = static_cast<std::size_t>(plan.options.repeat);
  const auto share = [&](std::size_t passes_in_all) {
    return (passes_in_all + repeat - 1) / repeat;
  };
  const PeakMemory memory;
  std::vector<Workload> workloads;
  std::vector<BenchResult> results;
  for (std::size_t i = 0; i < plan.subjects.size(); ++i) {
    workloads.push_back(workload_of(set, plan.arguments, *plan.subjects[i].model));
    results.push_back(result_of(plan.subjects[i], set));
    for (std::size_t pass = 0; pass < warm_ups; ++pass) one_pass(sessions[i], workloads[i]);
  }
  for (std::size_t run = 0; run < repeat; ++run) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      results[i].runs.push_back(passes(sessions[i], workloads[i], set,
                                       plan.options.seconds / static_cast<double>(repeat),
                                       share(fewest_passes), share(most_passes)));
    }
  }
  // Of several models in memory at once, none has a peak of its own.
  if (results.size() == 1) {
    results[0].peak_rss_bytes = std::max(plan.subjects[0].load_peak, memory.bytes());
  }
  return results;
}

// One model on one set, in all scenarios.
class Bench {
 public:
  Bench(const BenchPlan& plan, const Subject& subject, const RequestSet& set)
      : options_(plan.options),
        input_{subject, set, plan.options.tokenize,
               subject.model->pads_batches() ? plan.arguments.number("batch") : 0},
        instances_(subject.model, plan.options.batching,
                   [&](Session& session) { apply_batching(plan.arguments, session); }) {
    run_offline(instances_, input_, 0.0);  // warms up
  }

  BenchResult start(const Scenario& scenario) {
    BenchResult result = result_of(input_.subject, input_.set);
    result.scenario = scenario;
    if (scenario.kind != ScenarioKind::server) return result;
    if (!server_) server_ = std::make_unique<BenchServer>(input_, options_.batching);
    if (offline_rate_ == 0.0) add_run(ScenarioKind::offline, 0.0, 0);
    result.offline_rate = offline_rate_;
    if (scenario.qps) {
      result.rate = *scenario.qps;
    } else if (scenario.load) {
      result.rate = *scenario.load * offline_rate_;
    } else {
      result.rate = server_->find_rate(offline_rate_, options_.p99_bound, options_.seconds,
                                       options_.seed, result.trials);
    }
    return result;
  }

  // Run `number` of the scenario.
  BenchRun add_run(ScenarioKind kind, double rate, std::size_t number) {
    // The arrivals of a run are not those of the search, nor of another run.
    const std::uint64_t seed = options_.seed + (number + 1) * 1'000'003;
    switch (kind) {
      case ScenarioKind::offline: {
        BenchRun run = run_offline(instances_, input_, options_.seconds);
        examples_ += run.examples;
        seconds_ += run.seconds;
        offline_rate_ = static_cast<double>(examples_) / seconds_;
        return run;
      }
      case ScenarioKind::single_stream:
        return run_single_stream(instances_, input_, options_.seconds, seed);
      case ScenarioKind::server:
        break;
    }
    return rate > 0.0 ? server_->run(rate, options_.seconds, seed) : BenchRun{};
  }

 private:
  const BenchOptions& options_;
  const ScenarioInput input_;
  Instances instances_;
  std::unique_ptr<BenchServer> server_;
  std::size_t examples_ = 0;  // of all Offline runs
  double seconds_ = 0.0, offline_rate_ = 0.0;
};

}  // namespace

std::vector<BenchResult> measure_shapes(const BenchPlan& plan) {
  std::deque<Session> sessions;
  for (const Subject& subject : plan.subjects) {
    sessions.emplace_back(subject.model, plan.options.batching.threads);
    apply_batching(plan.arguments, sessions.back());
  }
  std::vector<BenchResult> results;
  for (const RequestSet& set : plan.sets) {
    for (BenchResult& result : measure_shape(plan, sessions, set)) {
      results.push_back(std::move(result));
      if (plan.on_result) plan.on_result();
    }
  }
  return results;
}

std::vector<BenchResult> measure_scenarios(const BenchPlan& plan) {
  std::vector<BenchResult> results;
  for (const RequestSet& set : plan.sets) {
    std::deque<Bench> benches;
    for (const Subject& subject : plan.subjects) benches.emplace_back(plan, subject, set);
    for (const Scenario& scenario : plan.options.scenarios) {
      const auto first = static_cast<std::ptrdiff_t>(results.size());
      for (Bench& bench : benches) results.push_back(bench.start(scenario));
      for (std::size_t run = 0; run < plan.options.repeat; ++run) {
        auto result = results.begin() + first;
        for (Bench& bench : benches) {
          result->runs.push_back(bench.add_run(scenario.kind, result->rate, run));
          ++result;
        }
      }
      for (std::size_t i = 0; plan.on_result && i < benches.size(); ++i) plan.on_result();
    }
  }
  return results;
}

}  // namespace bertq::engine::cli
