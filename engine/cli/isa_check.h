// Whether a code path really works here: by executing it.
#pragma once

#include <string>

#include "jit/isa.h"

namespace bertq::engine::cli {

// Runs two small products, FP32 and INT8, and compares all bits with the plain C++ ones. In a child
// process, so that an instruction that faults ends only that. Empty if all is well, else what went
// wrong. Only while the process has one thread.
std::string check_isa(jit::Isa isa);

}  // namespace bertq::engine::cli
