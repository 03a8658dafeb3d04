#include "engine/runtime/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

namespace bertq::engine {
namespace {

// "max 100000" or "150000 100000": quota and period in microseconds.
std::optional<double> read_v2(const std::filesystem::path& folder) {
  std::ifstream file(folder / "cpu.max");
  double quota = 0.0, period = 0.0;
  if (file >> quota >> period && quota > 0.0 && period > 0.0) return quota / period;
  return std::nullopt;
}

std::optional<double> read_v1(const std::filesystem::path& folder) {
  std::ifstream quota_file(folder / "cpu.cfs_quota_us");
  std::ifstream period_file(folder / "cpu.cfs_period_us");
  double quota = 0.0, period = 0.0;  // a quota of -1 means none
  if (quota_file >> quota && period_file >> period && quota > 0.0 && period > 0.0) {
    return quota / period;
  }
  return std::nullopt;
}

// The least quota of `group` and its parents below `root`.
template <typename Read>
std::optional<double> least_quota(const std::filesystem::path& root, const std::string& group,
                                  Read read) {
  std::optional<double> least = read(root);
  std::filesystem::path folder = root;
  for (const auto& part : std::filesystem::path(group).relative_path()) {
    // In a container the path may be the host's: what does not exist has no quota.
    if (part == ".." || part.empty()) break;
    folder /= part;
    const std::optional<double> quota = read(folder);
    if (quota && (!least || *quota < *least)) least = quota;
  }
  return least;
}

bool has_cpu_controller(const std::string& controllers) {
  return ("," + controllers + ",").find(",cpu,") != std::string::npos;
}

}  // namespace

std::size_t affinity_cpus() {
  // The mask may be larger than cpu_set_t on machines of more than 1024 CPUs.
  for (std::size_t cpus = 1024; cpus <= (std::size_t{1} << 20); cpus *= 2) {
    std::vector<cpu_set_t> mask(cpus / (8 * sizeof(cpu_set_t)));
    const std::size_t bytes = mask.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, mask.data()) == 0) {
      return static_cast<std::size_t>(std::max(1, CPU_COUNT_S(bytes, mask.data())));
    }
    if (errno != EINVAL) break;
  }
  return 1;
}

// Lines of /proc/self/cgroup are "0::/path" (v2) and "4:cpu,cpuacct:/path" (v1).
std::optional<double> cgroup_quota(const std::filesystem::path& self_cgroup,
                                   const std::filesystem::path& mount) {
  std::optional<double> least;
  std::ifstream file(self_cgroup);
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    std::optional<double> quota;
    if (controllers.empty()) {
      quota = least_quota(mount, group, read_v2);
    } else if (has_cpu_controller(controllers)) {
      quota = least_quota(mount / "cpu", group, read_v1);
    }
    if (quota && (!least || *quota < *least)) least = quota;
  }
  return least;
}

std::size_t usable_cpus() {
  static const std::size_t count = [] {
    const std::size_t affinity = affinity_cpus();
    const std::optional<double> quota = cgroup_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    if (!quota || *quota >= static_cast<double>(affinity)) return affinity;
    return std::max<std::size_t>(1, static_cast<std::size_t>(std::floor(*quota)));
  }();
  return count;
}

}  // namespace bertq::engine
