// exp, GELU and tanh on one register, as generated instructions: reference_math.h, line by line.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "jit/emitter.h"
#include "jit/gemm.h"

namespace bertq::jit {

// Registers that an emitted sequence may overwrite.
using Temporaries = std::array<Emitter::Vec, 4>;

// x = exp(x) for x <= 0, of several registers at once: each constant is read once for all of them.
// Overwrites as many of n and p, and c.
void emit_exp_nonpositive(Emitter& e, std::span<const Emitter::Vec> x,
                          std::span<const Emitter::Vec> n, std::span<const Emitter::Vec> p,
                          const Emitter::Vec& c);

// The constants of an activation that are worth a register each (Emitter::keep_constants).
std::vector<std::uint32_t> activation_constants(Activation activation);

// x = activation(x).
void emit_activation(Emitter& e, Activation activation, const Emitter::Vec& x,
                     const Temporaries& t);

}  // namespace bertq::jit
