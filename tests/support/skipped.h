// The one form in which tests say what they could not check here, and why.
#pragma once

#include <cstdio>
#include <string>

namespace bertq::testing {

inline void print_skipped(const std::string& what, const std::string& why) {
  std::printf("SKIPPED %s: %s\n", what.c_str(), why.c_str());
  std::fflush(stdout);
}

}  // namespace bertq::testing
