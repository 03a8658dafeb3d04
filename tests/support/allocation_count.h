// Counts allocations: a test program that is built with allocation_count.cpp has its operator new.
#pragma once

#include <cstddef>

namespace bertq::testing {

// By operator new, of the whole program and the libraries in it, since it began. 0 under
// ThreadSanitizer, which has an operator new of its own.
std::size_t allocation_count();

#ifdef __SANITIZE_THREAD__
inline constexpr bool counts_allocations = false;
#else
inline constexpr bool counts_allocations = true;
#endif

}  // namespace bertq::testing
