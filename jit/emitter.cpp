#include "jit/emitter.h"

namespace bertq::jit {

// The buffer is never executable: finished code is copied into CodeMemory.
Emitter::Emitter(Isa isa) : Xbyak::CodeGenerator(capacity, Xbyak::DontSetProtectRWE), isa_(isa) {
  setDefaultJmpNEAR(true);
}

Emitter::Vec Emitter::vec(int index) const {
  return width() == 16 ? Vec(Xbyak::Zmm(index)) : Vec(Xbyak::Ymm(index));
}

void Emitter::prologue() {
  push(rbp);
  mov(rbp, rsp);
}

void Emitter::epilogue() {
  vzeroupper();
  mov(rsp, rbp);
  pop(rbp);
  ret();
}

Emitter::Address Emitter::constant_bits(std::uint32_t bits) {
  return table(std::vector<std::uint32_t>(lanes, bits));
}

Emitter::Address Emitter::table(const std::vector<std::uint32_t>& lanes_bits, int half) {
  return ptr[rip + constants_[lanes_bits] + half * vector_bytes()];
}

void Emitter::round_to_nearest(const Vec& x, const Vec& y) {
  constexpr std::uint8_t ties_to_even = 0;
  if (width() == 16) {
    vrndscaleps(x, y, ties_to_even);
  } else {
    vroundps(x, y, ties_to_even);
  }
}

CodeBlock Emitter::finish(std::string name) {
  for (auto& [bits, label] : constants_) {
    align(64);
    L(label);
    for (const std::uint32_t lane : bits) dd(lane);
  }
  ready();
  return {std::move(name), {getCode(), getCode() + getSize()}};
}

}  // namespace bertq::jit
