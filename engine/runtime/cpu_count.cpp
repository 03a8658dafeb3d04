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

}  // namespace bertq::engine
