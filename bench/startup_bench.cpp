// What a process spends before its first answer that no model's size explains: writing the kernels.
// The first model in a precision has them written, those after it find them there; so each runs
// once, and a model of one tiny layer stands for any. Take it on a path that is not used otherwise:
// `startup_bench --benchmark_filter=avx512_vnni/int8`.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "engine/model/model.h"

namespace bertq::engine {
namespace {

void run_first_model(benchmark::State& state, jit::Isa isa, Precision precision) {
  ModelConfig config = named_config("bert-base");
  config.layers = 1;
  config.hidden = config.intermediate = 64;
  config.heads = 1;
  config.vocabulary = 16;
  config.positions = 16;
  constexpr std::uint64_t seed = 1;
  for (auto _ : state) {
    benchmark::DoNotOptimize(Model::random(config, Recipe::uniform(precision), isa, seed));
  }
}

void register_all() {
  for (const jit::Isa isa : jit::all_isas()) {
    if (isa == jit::Isa::reference || !jit::available(isa)) continue;
    for (const Precision precision : {Precision::int8, Precision::bf16, Precision::fp32}) {
      const std::string name =
          std::string(jit::isa_name(isa)) + "/" + std::string(precision_name(precision));
      benchmark::RegisterBenchmark(
          name.c_str(), [=](benchmark::State& state) { run_first_model(state, isa, precision); })
          ->Iterations(1)
          ->Unit(benchmark::kMillisecond);
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
