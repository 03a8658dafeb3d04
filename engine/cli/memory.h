// How much memory this process holds, as Linux counts it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bertq::engine::cli {

// The peak of resident memory over a stretch of the program: from the construction on.
class PeakMemory {
 public:
  PeakMemory();  // gives free heap back to the system, then resets the kernel's high-water mark
  // Empty where the kernel does not let a process reset it.
  std::optional<std::uint64_t> bytes() const;

 private:
  bool reset_;
};

// The number in a line "Name:   123" of /proc/meminfo or /proc/self/status; empty if there is none.
std::optional<std::uint64_t> proc_number(const char* file, std::string_view name);
// The same for a line "Name:   123 kB", in bytes.
std::optional<std::uint64_t> proc_bytes(const char* file, std::string_view name);

}  // namespace bertq::engine::cli
