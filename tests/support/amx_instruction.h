// Decodes the machine code of AMX instructions, for the emulator.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

namespace bertq::testing {

// The prefix that VEX folds into two bits.
enum VexPrefix : std::uint8_t { none = 0, p66 = 1, pF3 = 2, pF2 = 3 };

// A decoded instruction of the map 0F38 in its VEX.128.W0 form, the only one that AMX has.
struct AmxInstruction {
  std::uint8_t opcode = 0;
  VexPrefix prefix = none;
  std::uint8_t mod = 0, reg = 0, rm = 0;
  std::uint8_t vvvv = 0;       // as a register number
  bool high_register = false;  // reg or a register rm names one of 8..15: no tile
  bool has_sib = false;
  std::uint64_t address = 0;  // base + displacement; RIP-relative too
  std::uint64_t index = 0;    // index << scale: the distance of two rows
  std::size_t length = 0;

  bool in_memory() const { return mod != 3; }
};

// The instruction at `code`, its addresses computed with the general registers of a signal's
// context. Empty if it has not the form above; whether an opcode means anything is not looked at.
std::optional<AmxInstruction> decode_amx(const std::uint8_t* code, const greg_t* registers);

// A value from memory that need not be aligned.
template <typename T>
T load(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace bertq::testing
