#include "support/amx_instruction.h"

#include <array>

namespace bertq::testing {
namespace {

std::uint64_t general_register(const greg_t* registers, unsigned number) {
  static constexpr std::array<int, 16> order = {
      REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
      REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  return static_cast<std::uint64_t>(registers[order[number]]);
}

// ModRM's memory forms, from the byte behind ModRM on.
void decode_address(const std::uint8_t* code, std::size_t at, bool high_index, bool high_base,
                    const greg_t* registers, AmxInstruction& instruction) {
  unsigned base = instruction.rm + (high_base ? 8U : 0U);
  bool no_base = false;
  bool rip_relative = false;
  if (instruction.rm == 4) {
    const std::uint8_t sib = code[at++];
    instruction.has_sib = true;
    const unsigned index = (sib >> 3U & 7U) + (high_index ? 8U : 0U);
    if (index != 4) instruction.index = general_register(registers, index) << (sib >> 6U);
    base = (sib & 7U) + (high_base ? 8U : 0U);
    no_base = (sib & 7U) == 5 && instruction.mod == 0;
  } else {
    rip_relative = instruction.rm == 5 && instruction.mod == 0;
  }
  std::int64_t displacement = 0;
  if (instruction.mod == 1) {
    displacement = load<std::int8_t>(code + at);
    at += 1;
  } else if (instruction.mod == 2 || no_base || rip_relative) {
    displacement = load<std::int32_t>(code + at);
    at += 4;
  }
  std::uint64_t from = 0;
  if (rip_relative) {
    from = reinterpret_cast<std::uint64_t>(code + at);
  } else if (!no_base) {
    from = general_register(registers, base);
  }
  instruction.address = from + static_cast<std::uint64_t>(displacement);
  instruction.length = at;
}

}  // namespace

// Three bytes of VEX (0F38 has no shorter form), opcode, ModRM, SIB, displacement.
std::optional<AmxInstruction> decode_amx(const std::uint8_t* code, const greg_t* registers) {
  constexpr unsigned map_0f38 = 2;
  if (code[0] != 0xC4 || (code[1] & 0x1FU) != map_0f38) return std::nullopt;
  const bool w = (code[2] & 0x80U) != 0;
  const bool l256 = (code[2] & 0x04U) != 0;
  if (w || l256) return std::nullopt;
  const bool high_reg = (code[1] & 0x80U) == 0;  // VEX stores these inverted
  const bool high_index = (code[1] & 0x40U) == 0;
  const bool high_base = (code[1] & 0x20U) == 0;

  AmxInstruction instruction;
  instruction.prefix = static_cast<VexPrefix>(code[2] & 3U);
  instruction.vvvv = static_cast<std::uint8_t>((code[2] ^ 0xFFU) >> 3U & 0xFU);
  instruction.opcode = code[3];
  instruction.mod = code[4] >> 6U;
  instruction.reg = code[4] >> 3U & 7U;
  instruction.rm = code[4] & 7U;
  instruction.high_register = high_reg || (!instruction.in_memory() && high_base);
  if (instruction.in_memory()) {
    decode_address(code, 5, high_index, high_base, registers, instruction);
  } else {
    instruction.length = 5;
  }
  return instruction;
}

}  // namespace bertq::testing
