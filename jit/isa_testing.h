// For tests only.
#pragma once

#include "jit/isa.h"

namespace bertq::jit {

// From now on, or no longer, this process treats `isa` as available although the machine denies it:
// for tests that emulate its instructions.
void assume_available_for_tests(Isa isa, bool available);

}  // namespace bertq::jit
