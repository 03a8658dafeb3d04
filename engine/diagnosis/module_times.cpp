#include "engine/diagnosis/module_times.h"

#include <ctime>
#include <mutex>

#include "engine/task/evaluate.h"

namespace bertq::engine {
namespace {

class Stopwatches {
 public:
  static void add(void* self, const std::string& module, double seconds) {
    auto& watches = *static_cast<Stopwatches*>(self);
    const std::lock_guard lock(watches.mutex_);
    watches.seconds_[module] += seconds;
  }
  const std::map<std::string, double>& seconds() const { return seconds_; }

 private:
  std::mutex mutex_;
  std::map<std::string, double> seconds_;
};

}  // namespace

ModuleTimes time_modules(Session& session, std::size_t threads, const EvaluationSet& set,
                         std::size_t passes) {
  const auto nobody = [](std::size_t) {};
  run_inputs(session, set, 0, nobody);  // warms up
  Stopwatches watches;
  ModuleTimes times;
  session.observe_times(&Stopwatches::add, &watches);
  const std::clock_t start = std::clock();
  for (std::size_t pass = 0; pass < passes; ++pass) run_inputs(session, set, 0, nobody);
  const auto ticks = static_cast<double>(std::clock() - start);
  session.observe_times(nullptr, nullptr);
  const auto shares = static_cast<double>(passes * threads);
  times.seconds = ticks / static_cast<double>(CLOCKS_PER_SEC) / shares;
  for (const auto& [module, seconds] : watches.seconds()) {
    times.by_module[module] = seconds / shares;
  }
  return times;
}

}  // namespace bertq::engine
