#include "engine/cli/memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <string>

namespace bertq::engine::cli {
namespace {

// Documented in proc(5): writing 5 resets the peak resident set size.
bool reset_high_water_mark() {
  const int file = ::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written = ::write(file, "5", 1) == 1;
  ::close(file);
  return written;
}

}  // namespace

PeakMemory::PeakMemory() : reset_((::malloc_trim(0), reset_high_water_mark())) {}

std::optional<std::uint64_t> PeakMemory::bytes() const {
  return reset_ ? proc_bytes("/proc/self/status", "VmHWM") : std::nullopt;
}

std::optional<std::uint64_t> proc_number(const char* file, std::string_view name) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name) || line.compare(name.size(), 1, ":") != 0) continue;
    const std::size_t digits = line.find_first_of("0123456789");
    if (digits == std::string::npos) return std::nullopt;
    std::uint64_t number = 0;
    std::from_chars(line.data() + digits, line.data() + line.size(), number);
    return number;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> proc_bytes(const char* file, std::string_view name) {
  const auto kibibytes = proc_number(file, name);
  return kibibytes ? std::optional(*kibibytes * 1024) : std::nullopt;
}

}  // namespace bertq::engine::cli
