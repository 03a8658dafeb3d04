#include "engine/runtime/cpu_count.h"

#include <algorithm>
#include <cmath>

#include "engine/runtime/cgroup.h"

namespace bertq::engine {

std::size_t quota_cpus() {
  static const std::size_t cpus = [] {
    const auto quota = cgroup_cpu_quota();
    if (!quota || *quota >= 1e6) return no_quota;
    return std::max<std::size_t>(1, static_cast<std::size_t>(std::floor(*quota)));
  }();
  return cpus;
}

std::size_t usable_cpus() {
  return std::max<std::size_t>(1, std::min(machine_topology().cores.size(), quota_cpus()));
}

std::size_t threads_of_each(std::size_t asked, std::size_t instances) {
  const std::size_t all = asked == 0 ? usable_cpus() : quota_cpus();
  const std::size_t share = std::max<std::size_t>(all / std::max<std::size_t>(instances, 1), 1);
  if (asked > most_threads) return asked;
  return asked == 0 ? share : std::min(asked, share);
}

}  // namespace bertq::engine
