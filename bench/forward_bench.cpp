// A forward pass of BERT-base with one encoder layer, so that a change of a layer shows in seconds:
// on every path that this machine has but plain C++, which takes too long. Arguments: sequences,
// tokens of each, threads.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/model/model.h"

namespace bertq::engine {
namespace {

void run_forward(benchmark::State& state, jit::Isa isa, Precision precision) {
  ModelConfig config = named_config("bert-base");
  config.layers = 1;
  config.vocabulary = 1000;
  constexpr std::uint64_t seed = 1;
  const auto sequences = static_cast<std::size_t>(state.range(0));
  const auto length = static_cast<std::size_t>(state.range(1));
  Session session(Model::random(config, Recipe::uniform(precision), isa, seed),
                  static_cast<std::size_t>(state.range(2)));
  PackedBatch batch;
  for (std::size_t i = 0; i < sequences; ++i) {
    std::vector<std::int32_t> ids(length);
    for (std::size_t j = 0; j < length; ++j) {
      ids[j] = static_cast<std::int32_t>((i * length + j) * 31 % config.vocabulary);
    }
    batch.add(ids, {});
  }
  for (auto _ : state) benchmark::DoNotOptimize(session.logits(batch).data());
  state.counters["tokens/s"] = benchmark::Counter(static_cast<double>(batch.tokens()),
                                                  benchmark::Counter::kIsIterationInvariantRate);
}

void register_all() {
  for (const jit::Isa isa : jit::all_isas()) {
    if (isa == jit::Isa::reference || !jit::available(isa)) continue;
    for (const Precision precision : {Precision::fp32, Precision::int8}) {
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
