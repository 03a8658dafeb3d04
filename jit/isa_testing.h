// For tests only.
#pragma once

#include "jit/isa.h"

namespace bertq::jit {

// From now on, or no longer, this process treats `isa` as available although the machine denies it:
// for tests that emulate its instructions.
void assume_available_for_tests(Isa isa, bool available);

// From now on, or no longer, the path's probe meets an instruction that no CPU has.
void assume_faulting_for_tests(Isa isa, bool faulting);

// From now on, or no longer, no path has fast BF16: Kernels::of gives those that widen.
void deny_fast_bf16_for_tests(bool deny);

}  // namespace bertq::jit
