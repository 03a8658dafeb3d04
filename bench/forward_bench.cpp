// A forward pass of BERT-base with one encoder layer, so that a change of a layer shows in seconds:
// on every path that this machine has but plain C++, which takes too long. Arguments: sequences,
// tokens of each, threads. `of peak` is the share of what that many cores' units can multiply,
// counted as the layer computes it (products only), measured just before.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/diagnosis/kernel_times.h"
#include "engine/model/model.h"
#include "jit/peak.h"

namespace bertq::engine {
namespace {

PackedBatch some_batch(std::size_t sequences, std::size_t length, std::size_t vocabulary) {
  PackedBatch batch;
  for (std::size_t i = 0; i < sequences; ++i) {
    std::vector<std::int32_t> ids(length);
    for (std::size_t j = 0; j < length; ++j) {
      ids[j] = static_cast<std::int32_t>((i * length + j) * 31 % vocabulary);
    }
    batch.add(ids, {});
  }
  return batch;
}

struct Work {
  double operations = 0.0;
  double seconds = 0.0;  // that one core needs for them at its peak
};

Work work_of(Session& session, const PackedBatch& batch) {
  KernelWatch watch(session);
  session.hidden_states(batch);
  Work work;
  for (const KernelTime& kernel : watch.times()) {
    if (kernel.operations == 0.0) continue;
    work.operations += kernel.operations;
    work.seconds += kernel.operations /
                    jit::measure_peak(jit::unit_of(session.model().isa(), kernel.operands), 0.01);
  }
  return work;
}

void run_forward(benchmark::State& state, jit::Isa isa, Precision precision) {
  ModelConfig config = named_config("bert-base");
  config.layers = 1;
  config.vocabulary = 1000;
  constexpr std::uint64_t seed = 1;
  const auto threads = static_cast<std::size_t>(state.range(2));
  Session session(Model::random(config, Recipe::uniform(precision), isa, seed), threads);
  const PackedBatch batch = some_batch(static_cast<std::size_t>(state.range(0)),
                                       static_cast<std::size_t>(state.range(1)), config.vocabulary);
  const Work work = work_of(session, batch);
  for (auto _ : state) benchmark::DoNotOptimize(session.hidden_states(batch).data());
  constexpr auto rate = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["tokens/s"] = benchmark::Counter(static_cast<double>(batch.tokens()), rate);
  state.counters["op/s"] = benchmark::Counter(work.operations, rate);
  state.counters["of peak"] = benchmark::Counter(work.seconds / static_cast<double>(threads), rate);
}

void register_all() {
  for (const jit::Isa isa : jit::all_isas()) {
    if (isa == jit::Isa::reference || !jit::available(isa)) continue;
    for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) {
      const std::string name =
          std::string(jit::isa_name(isa)) + "/" + std::string(precision_name(precision));
      benchmark::RegisterBenchmark(
          name.c_str(), [=](benchmark::State& state) { run_forward(state, isa, precision); })
          ->ArgsProduct({{1, 8}, {128}, {1, 2}})
          ->Args({1, 384, 1})
          ->ArgNames({"sequences", "tokens", "threads"})
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
    }
  }
}

}  // namespace
}  // namespace bertq::engine

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  bertq::engine::register_all();
  benchmark::RunSpecifiedBenchmarks();
}
