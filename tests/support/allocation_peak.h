// How much memory operator new has handed out at once. Linking allocation_peak.cpp replaces the
// operators of the whole test program.
#pragma once

#include <cstddef>

namespace bertq::testing {

// The most bytes that were live at once, beyond those that were when the object was made. One at a
// time; counts all threads.
class AllocationPeak {
 public:
  AllocationPeak();
  std::size_t bytes() const;

 private:
  std::size_t before_;
};

}  // namespace bertq::testing
