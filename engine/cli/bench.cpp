// bertq bench: latency and throughput of the forward pass that `run` scores.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/cli/bench_report.h"
#include "engine/cli/bench_subject.h"
#include "engine/cli/memory.h"
#include "engine/cli/progress.h"
#include "engine/cli/setup.h"
#include "engine/cli/verbs.h"

namespace bertq::engine::cli {
namespace {

constexpr std::size_t warm_ups = 2, fewest_passes = 3, most_passes = 1000;

double one_pass(Session& session, const Workload& workload) {
  const auto start = std::chrono::steady_clock::now();
  for (const Batched& batched : workload.batches) forward(session, batched.batch);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

ShapeResult measure(Session& session, const Workload& workload, double seconds,
                    const std::optional<std::uint64_t>& load_peak) {
  const PeakMemory memory;
  for (std::size_t i = 0; i < warm_ups; ++i) one_pass(session, workload);
  ShapeResult result;
  result.shape = workload.name;
  result.operations = operations(session.model(), workload);
  double spent = 0.0;
  while (result.seconds.size() < fewest_passes ||
         (spent < seconds && result.seconds.size() < most_passes)) {
    result.seconds.push_back(one_pass(session, workload));
    spent += result.seconds.back();
  }
  result.peak_rss_bytes = std::max(load_peak, memory.bytes());
  return result;
}

}  // namespace

void bench(const Arguments& arguments, Output& output, const Console& console) {
  const SharedFiles files = open_bench_files(arguments, console);
  const Subject subject = open_subject(arguments, console, files);
  const auto list = read_workloads(arguments, subject);
  BenchReport report;
  report.model = subject.name;
  report.precision = subject.precision;
  report.activations = subject.activations;
  report.isa = subject.model->isa();
  report.threads = chosen_threads(arguments);
  report.weights_bytes = subject.model->weights_bytes();

  Session session(subject.model, report.threads);
  apply_batching(arguments, session);
  Progress progress(console, "bench", list.size());
  for (const Workload& workload : list) {
    report.results.push_back(measure(
        session, workload, static_cast<double>(arguments.number("seconds")), subject.load_peak));
    progress.advance(1);
  }
  if (arguments.text("format") == "json") {
    write_json(output, bench_json(report));
  } else {
    output.write(bench_text(report, arguments.text("format")));
  }
}

}  // namespace bertq::engine::cli
