// exp, GELU and tanh on one register, as generated instructions: reference_math.h, line by line.
#pragma once

#include <array>

#include "jit/emitter.h"
#include "jit/gemm.h"

namespace bertq::jit {

// Registers that an emitted sequence may overwrite.
using Temporaries = std::array<Emitter::Vec, 4>;

// x = exp(x) for x <= 0. Overwrites the first two temporaries.
void emit_exp_nonpositive(Emitter& e, const Emitter::Vec& x, const Emitter::Vec& t0,
                          const Emitter::Vec& t1);

// x = activation(x).
void emit_activation(Emitter& e, Activation activation, const Emitter::Vec& x,
                     const Temporaries& t);

}  // namespace bertq::jit
