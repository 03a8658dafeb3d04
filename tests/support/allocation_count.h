// Counts allocations: a test program that is built with allocation_count.cpp has its operator new.
#pragma once

#include <cstddef>

namespace bertq::testing {

// By operator new, of the whole program and the libraries in it, since it began. Not there under
// ThreadSanitizer.
std::size_t allocation_count();

}  // namespace bertq::testing
