#include "engine/runtime/cgroup.h"

#include <fstream>
#include <string>

namespace bertq::engine {
namespace {

// "max 100000" or "150000 100000": quota and period in microseconds.
std::optional<double> quota_v2(const std::filesystem::path& folder) {
  std::ifstream file(folder / "cpu.max");
  double quota = 0.0, period = 0.0;
  if (file >> quota >> period && quota > 0.0 && period > 0.0) return quota / period;
  return std::nullopt;
}

std::optional<double> quota_v1(const std::filesystem::path& folder) {
  std::ifstream quota_file(folder / "cpu.cfs_quota_us");
  std::ifstream period_file(folder / "cpu.cfs_period_us");
  double quota = 0.0, period = 0.0;  // a quota of -1 means none
  if (quota_file >> quota && period_file >> period && quota > 0.0 && period > 0.0) {
    return quota / period;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> bytes_in(const std::filesystem::path& path) {
  constexpr std::uint64_t none = std::uint64_t{1} << 62;  // v1 writes 2^63 less a page
  std::ifstream file(path);
  std::uint64_t bytes = 0;
  if (file >> bytes && bytes > 0 && bytes < none) return bytes;
  return std::nullopt;
}

std::optional<std::uint64_t> memory_v2(const std::filesystem::path& folder) {
  return bytes_in(folder / "memory.max");
}

std::optional<std::uint64_t> memory_v1(const std::filesystem::path& folder) {
  return bytes_in(folder / "memory.limit_in_bytes");
}

template <typename Value>
using Read = std::optional<Value> (*)(const std::filesystem::path& folder);

template <typename Value>
void lower(std::optional<Value>& least, const std::optional<Value>& other) {
  if (other && (!least || *other < *least)) least = other;
}

// The least limit of `group` and its parents below `root`.
template <typename Value>
std::optional<Value> least_of_parents(const std::filesystem::path& root, const std::string& group,
                                      Read<Value> read) {
  std::optional<Value> least = read(root);
  std::filesystem::path folder = root;
  for (const auto& part : std::filesystem::path(group).relative_path()) {
    // In a container the path may be the host's: what does not exist has no limit.
    if (part == ".." || part.empty()) break;
    folder /= part;
    lower(least, read(folder));
  }
  return least;
}

// Lines of /proc/self/cgroup are "0::/path" (v2) and "4:cpu,cpuacct:/path" (v1).
template <typename Value>
std::optional<Value> least_limit(const CgroupFiles& files, const std::string& controller,
                                 Read<Value> read_v1, Read<Value> read_v2) {
  std::optional<Value> least;
  std::ifstream file(files.self);
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) {
      lower(least, least_of_parents(files.mount, group, read_v2));
    } else if (("," + controllers + ",").find("," + controller + ",") != std::string::npos) {
      lower(least, least_of_parents(files.mount / controller, group, read_v1));
    }
  }
  return least;
}

}  // namespace

std::optional<double> cgroup_cpu_quota(const CgroupFiles& files) {
  return least_limit<double>(files, "cpu", quota_v1, quota_v2);
}

std::optional<std::uint64_t> cgroup_memory_limit(const CgroupFiles& files) {
  return least_limit<std::uint64_t>(files, "memory", memory_v1, memory_v2);
}

}  // namespace bertq::engine
