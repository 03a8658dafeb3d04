// The tiles of each thread, and what AMX instructions do to them, for the emulator.
#pragma once

#include "support/amx_instruction.h"

namespace bertq::testing {

// Why a CPU would refuse an instruction; null if it would not.
using Refusal = const char*;

// Carries the instruction out on the calling thread's tiles, or refuses it and changes nothing. May
// be called in a signal handler. Leaves MXCSR as it pleases.
Refusal execute_amx(const AmxInstruction& instruction);

}  // namespace bertq::testing
