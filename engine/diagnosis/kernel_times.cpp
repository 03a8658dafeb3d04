#include "engine/diagnosis/kernel_times.h"

#include <algorithm>

namespace bertq::engine {

KernelWatch::KernelWatch(Session& session) : session_(session) {
  session_.observe_times(&KernelWatch::add, this);
}

KernelWatch::~KernelWatch() {
  session_.observe_times(nullptr, nullptr);
}

void KernelWatch::add(void* self, const KernelRun& run) {
  auto& watch = *static_cast<KernelWatch*>(self);
  const std::lock_guard lock(watch.mutex_);
  const auto [entry, is_new] =
      watch.index_.try_emplace({run.module.data(), run.kernel.data()}, watch.sums_.size());
  if (is_new) watch.sums_.push_back({.names = run});
  Sum& sum = watch.sums_[entry->second];
  ++sum.runs;
  sum.operations += run.operations;
  sum.seconds += run.seconds;
}

std::vector<KernelTime> KernelWatch::times() const {
  std::vector<KernelTime> list;
  for (const Sum& sum : sums_) {
    const auto same = std::ranges::find_if(list, [&](const KernelTime& time) {
      return time.module == sum.names.module && time.kernel == sum.names.kernel;
    });
    KernelTime& time = same != list.end()
                           ? *same
                           : list.emplace_back(KernelTime{.module = std::string(sum.names.module),
                                                          .kernel = std::string(sum.names.kernel),
                                                          .operands = sum.names.operands});
    time.runs += sum.runs;
    time.operations += sum.operations;
    time.seconds += sum.seconds;
  }
  return list;
}

void KernelWatch::reset() {
  index_.clear();
  sums_.clear();
}

}  // namespace bertq::engine
