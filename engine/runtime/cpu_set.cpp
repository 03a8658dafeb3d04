#include "engine/runtime/cpu_set.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <utility>

namespace bertq::engine {
namespace {

constexpr std::uint32_t most_cpus = std::uint32_t{1} << 20;

std::optional<std::uint32_t> take_number(std::string_view& text) {
  std::uint32_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || number >= most_cpus) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
  return number;
}

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

// As long as the kernel's own mask: cpu_set_t ends at 1024 CPUs.
using Mask = std::vector<cpu_set_t>;
Mask mask_for(std::size_t cpus) {
  return Mask((cpus + 8 * sizeof(cpu_set_t) - 1) / (8 * sizeof(cpu_set_t)));
}
std::size_t bytes_of(const Mask& mask) {
  return mask.size() * sizeof(cpu_set_t);
}

}  // namespace

CpuSet::CpuSet(std::vector<std::uint32_t> cpus) : cpus_(std::move(cpus)) {
  std::sort(cpus_.begin(), cpus_.end());
  cpus_.erase(std::unique(cpus_.begin(), cpus_.end()), cpus_.end());
}

std::optional<CpuSet> CpuSet::parse(std::string_view list) {
  std::vector<std::uint32_t> cpus;
  while (!list.empty()) {
    const auto first = take_number(list);
    if (!first) return std::nullopt;
    const auto last = take(list, '-') ? take_number(list) : first;
    if (!last || *last < *first || cpus.size() > most_cpus) return std::nullopt;
    for (std::uint32_t cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
    if (!list.empty() && (!take(list, ',') || list.empty())) return std::nullopt;
  }
  return CpuSet(std::move(cpus));
}

bool CpuSet::contains(std::uint32_t cpu) const {
  return std::binary_search(cpus_.begin(), cpus_.end(), cpu);
}

std::string CpuSet::text() const {
  std::string list;
  for (std::size_t first = 0, next; first < cpus_.size(); first = next) {
    next = first + 1;
    while (next < cpus_.size() && cpus_[next] == cpus_[next - 1] + 1) ++next;
    if (!list.empty()) list += ',';
    list += std::to_string(cpus_[first]);
    if (next - first > 1) list += '-' + std::to_string(cpus_[next - 1]);
  }
  return list;
}

CpuSet CpuSet::intersection(const CpuSet& other) const {
  CpuSet both;
  std::set_intersection(begin(), end(), other.begin(), other.end(), std::back_inserter(both.cpus_));
  return both;
}

void CpuSet::insert(const CpuSet& other) {
  std::vector<std::uint32_t> all;
  all.reserve(size() + other.size());
  std::set_union(begin(), end(), other.begin(), other.end(), std::back_inserter(all));
  cpus_ = std::move(all);
}

CpuSet allowed_cpus() {
  for (std::size_t cpus = 1024; cpus <= most_cpus; cpus *= 2) {
    Mask mask = mask_for(cpus);
    if (::sched_getaffinity(0, bytes_of(mask), mask.data()) == 0) {
      std::vector<std::uint32_t> found;
      for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
        if (CPU_ISSET_S(cpu, bytes_of(mask), mask.data())) found.push_back(cpu);
      }
      return CpuSet(std::move(found));
    }
    if (errno != EINVAL) break;  // EINVAL: the kernel's mask is longer
  }
  return {};
}

bool pin_thread(const CpuSet& cpus) {
  if (cpus.empty()) return false;
  Mask mask = mask_for(std::size_t{*std::prev(cpus.end())} + 1);
  for (const std::uint32_t cpu : cpus) CPU_SET_S(cpu, bytes_of(mask), mask.data());
  return ::sched_setaffinity(0, bytes_of(mask), mask.data()) == 0;
}

}  // namespace bertq::engine
