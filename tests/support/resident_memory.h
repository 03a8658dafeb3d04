// How much of this process is in memory.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <fstream>

#include "support/skipped.h"

namespace bertq::testing {

// 0 where the system does not say.
inline std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  if (!(statm >> all >> resident)) return 0;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace bertq::testing
