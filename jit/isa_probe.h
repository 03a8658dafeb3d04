// Whether a path's instructions really execute here. CPUID and the kernel may promise what a
// hypervisor, an emulator or a broken CPU does not keep (oneDNN met AMX so): the first product
// would end the program with SIGILL.
#pragma once

#include "jit/isa.h"

namespace bertq::jit {

// Executes one instruction of each kind that the path's kernels are made of, guarded. 0, or the
// signal that they ended in. `broken` puts one before them that no CPU has. Takes some 50
// microseconds. Only for a path that CPUID and the kernel promise. Thread-safe.
int probe(Isa isa, bool broken = false);

}  // namespace bertq::jit
