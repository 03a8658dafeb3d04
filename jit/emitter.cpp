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

void Emitter::keep_constants(std::span<const std::uint32_t> all_bits, int first) {
  for (const std::uint32_t bits : all_bits) {
    const Vec kept = vec(first++);
    load(kept, constant_bits(bits));
    kept_constants_.emplace(bits, kept);
  }
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

void Emitter::store_low_bytes(const Address& to, std::span<const Vec> group, const Vec& temporary) {
  if (width() == 16) {
    vpmovdb(to, group[0]);
    return;
  }
  // 8 + 8 dwords to words, whose 128-bit halves come out interleaved; put them in order, then to
  // bytes.
  constexpr std::uint8_t even_then_odd_quarters = 0xd8;
  const Xbyak::Ymm words(temporary.getIdx());
  vpackusdw(words, Xbyak::Ymm(group[0].getIdx()), Xbyak::Ymm(group[1].getIdx()));
  vpermq(words, words, even_then_odd_quarters);
  const Xbyak::Xmm high(group[0].getIdx());
  vextracti128(high, words, 1);
  vpackuswb(high, Xbyak::Xmm(temporary.getIdx()), high);
  vmovdqu(to, high);
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
