// Executes AMX instructions in software, so that the `amx` path, whose other instructions are
// AVX-512, can be run and compared bit for bit on an AVX-512 machine without AMX.
//
// While an AmxEmulator lives, a handler of SIGILL decodes the instruction at fault. These are
// carried out on tiles kept per thread, and the thread goes on behind them:
//
//   LDTILECFG STTILECFG TILERELEASE TILEZERO TILELOADD TILELOADDT1 TILESTORED TDPBUSD TDPBF16PS
//
// What a CPU would refuse (tiles not configured, shapes that do not fit, operands of a product that
// are not distinct, a bad configuration) is refused here as well: the handler writes the reason to
// stderr and lets SIGILL take its default course. So is everything that is no AMX instruction.
//
// It is an emulator: it proves that the code computes the right numbers, not that a CPU with AMX
// runs it, and says nothing about speed.
#pragma once

#include <csignal>
#include <cstdint>

namespace bertq::testing {

// One a process at a time. Where the CPU has AMX, no signal arrives and it changes nothing.
class AmxEmulator {
 public:
  AmxEmulator();
  ~AmxEmulator();
  AmxEmulator(const AmxEmulator&) = delete;
  AmxEmulator& operator=(const AmxEmulator&) = delete;

  // AMX instructions carried out by this process so far: proof of who executed a kernel.
  static std::uint64_t executed();

 private:
  struct sigaction previous_ {};
};

}  // namespace bertq::testing
