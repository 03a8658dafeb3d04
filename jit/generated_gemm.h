// A product on generated kernels: cuts the block that it is asked for into kernel-sized blocks.
#pragma once

#include <memory>

#include "jit/gemm.h"
#include "jit/isa.h"

namespace bertq::jit {

// Generates all kernels that `spec` needs on `isa` (not reference), where `fast_bf16` tells whether
// it has that (isa.h). Throws std::system_error if no code memory can be had.
std::unique_ptr<Gemm> make_generated_gemm(Isa isa, bool fast_bf16, const GemmSpec& spec);

}  // namespace bertq::jit
