// The machine's peaks: operations a second of each unit that multiplies, and bytes a second from
// the caches and from memory, on one thread and on two at once. `--benchmark_format=json` is what
// scripts/compare_peers.py reads.

#include <benchmark/benchmark.h>

#include <functional>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "jit/peak.h"

namespace bertq::jit {
namespace {

constexpr std::size_t thread_counts[] = {1, 2};

// The sum of what `measure` finds on so many threads at once.
double together(std::size_t threads, const std::function<double()>& measure) {
  std::vector<double> rates(threads);
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < threads; ++i) {
    others.emplace_back([&, i] { rates[i] = measure(); });
  }
  rates[0] = measure();
  for (std::thread& other : others) other.join();
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

void add(const std::string& name, const char* counter, const std::function<double()>& measure) {
  for (const std::size_t threads : thread_counts) {
    const std::string full = name + "/" + std::to_string(threads);
    benchmark::RegisterBenchmark(full.c_str(), [=](benchmark::State& state) {
      double rate = 0.0;
      for (auto _ : state) rate = together(threads, measure);
      state.counters[counter] = rate;
    })->Iterations(1);
  }
}

void register_all() {
  constexpr double seconds = 0.1;
  for (const Unit unit : all_units()) {
    if (!available(unit)) continue;
    add(std::string(unit_name(unit)), "op/s", [=] { return measure_peak(unit, seconds); });
  }
  const Isa isa = select_isa({});
  struct Size {
    const char* name;
    std::size_t bytes;
  };
  constexpr Size sizes[] = {{"16 KiB", std::size_t{16} << 10},
                            {"512 KiB", std::size_t{512} << 10},
                            {"8 MiB", std::size_t{8} << 20},
                            {"256 MiB", std::size_t{256} << 20}};
  for (const Size& size : sizes) {
    const std::size_t bytes = size.bytes;
    add(std::string("read ") + size.name, "bytes/s",
        [=] { return measure_bandwidth(isa, Traffic::read, bytes, seconds); });
    add(std::string("update ") + size.name, "bytes/s",
        [=] { return measure_bandwidth(isa, Traffic::update, bytes, seconds); });
  }
}

}  // namespace
}  // namespace bertq::jit

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  bertq::jit::register_all();
  benchmark::RunSpecifiedBenchmarks();
}
