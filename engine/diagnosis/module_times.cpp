#include "engine/diagnosis/module_times.h"

#include <chrono>

#include "engine/diagnosis/kernel_times.h"
#include "engine/task/evaluate.h"

namespace bertq::engine {

ModuleTimes time_modules(Session& session, std::size_t threads, const EvaluationSet& set,
                         std::size_t passes) {
  const auto nobody = [](std::size_t) {};
  run_inputs(session, set, 0, nobody);  // warms up
  ModuleTimes times;
  KernelWatch watch(session);
  for (std::size_t pass = 0; pass < passes; ++pass) {
    watch.reset();
    const auto start = std::chrono::steady_clock::now();
    run_inputs(session, set, 0, nobody);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    if (pass > 0 && spent.count() >= times.seconds) continue;
    times.seconds = spent.count();
    times.by_module.clear();
    for (const KernelTime& time : watch.times()) {
      times.by_module[time.module] += time.seconds / static_cast<double>(threads);
    }
  }
  return times;
}

}  // namespace bertq::engine
