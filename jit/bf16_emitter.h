// Rounding to bf16 as generated instructions: to_bf16 (bf16.h) on whole registers, with the same
// bits with and without the instruction for it.
#pragma once

#include <span>

#include "jit/emitter.h"

namespace bertq::jit {

// `native` in both: vcvtneps2bf16 may be used (a path with fast BF16; it has 512 bits).

// Rounds each f32 lane of x, a register of any width, to a bf16, and leaves that as f32. Overwrites
// the temporaries, of the same width, and k1 where there are masks.
void emit_round_to_bf16(Emitter& e, bool native, const Emitter::Vec& x, const Emitter::Vec& t,
                        const Emitter::Vec& t2);

// Stores a group of 16 f32 lanes as 16 bf16, 32 bytes. The lanes must have been rounded unless
// `native`. Overwrites the group and t.
void emit_store_bf16(Emitter& e, bool native, const Emitter::Address& to,
                     std::span<const Emitter::Vec> group, const Emitter::Vec& t);

}  // namespace bertq::jit
