// CPUs, by the numbers that Linux gives them, and which of them a thread may run on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bertq::engine {

// A value; sorted, each CPU once.
class CpuSet {
 public:
  CpuSet() = default;
  explicit CpuSet(std::vector<std::uint32_t> cpus);
  // The form of the kernel's own files, "0-3,8" (cpuset(7), List format); empty for anything else
  // and for numbers of 2^20 and more.
  static std::optional<CpuSet> parse(std::string_view list);

  bool empty() const { return cpus_.empty(); }
  std::size_t size() const { return cpus_.size(); }
  bool contains(std::uint32_t cpu) const;
  auto begin() const { return cpus_.begin(); }
  auto end() const { return cpus_.end(); }
  std::string text() const;  // as parse() reads it
  CpuSet intersection(const CpuSet& other) const;
  void insert(const CpuSet& other);
  friend bool operator==(const CpuSet&, const CpuSet&) = default;

 private:
  std::vector<std::uint32_t> cpus_;
};

// The affinity mask of the calling thread, within its cpuset. Empty if the kernel does not tell.
CpuSet allowed_cpus();

// The calling thread, and those that it will start, run on `cpus` alone from here on. False, and
// nothing changes, where the kernel refuses: none of them is allowed (any more).
bool pin_thread(const CpuSet& cpus);

}  // namespace bertq::engine
