// Sessions of one model side by side, and the two scenarios that drive them directly: Offline and
// SingleStream.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "engine/cli/bench_options.h"
#include "engine/cli/bench_requests.h"
#include "engine/cli/bench_result.h"
#include "engine/cli/bench_subject.h"
#include "engine/model/model.h"
#include "engine/runtime/cpu_set.h"

namespace bertq::engine::cli {

// Several instances have their own CPUs each (runtime/topology.h).
class Instances {
 public:
  // `configure` is called with each session.
  Instances(const std::shared_ptr<const Model>& model, const BatcherOptions& options,
            const std::function<void(Session&)>& configure);

  std::size_t count() const { return sessions_.size(); }
  // Calls job(session, instance) for each, at once, and returns when all have returned. If some
  // throw, the first exception reaches the caller.
  void run(const std::function<void(Session&, std::size_t)>& job);

 private:
  std::vector<std::optional<Session>> sessions_;
  std::vector<CpuSet> cpus_;  // empty: one instance, which runs where it may
};

// Requests in a form that both scenarios repeat: tokenized beforehand, or each time anew.
struct ScenarioInput {
  const Subject& subject;
  const RequestSet& set;
  bool tokenize = false;        // within the time
  std::size_t torch_batch = 0;  // of a model that pads_batches()
};

// Passes over all requests, in the engine's own batches, until `seconds` are over, at least one.
// Few requests are repeated until there is enough to do for every instance.
BenchRun run_offline(Instances& instances, const ScenarioInput& input, double seconds);

// Each instance answers one request at a time, in a random order, until `seconds` are over.
BenchRun run_single_stream(Instances& instances, const ScenarioInput& input, double seconds,
                           std::uint64_t seed);

// 0 .. count - 1 in an order of the seed's own.
std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed);

}  // namespace bertq::engine::cli
