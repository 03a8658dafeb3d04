#include "jit/bf16_emitter.h"

namespace bertq::jit {

using Vec = Emitter::Vec;

// Kernels run with denormals as zeros: multiplying by one flushes them, and makes every NaN a quiet
// one, which then must not be rounded up.
void emit_round_to_bf16(Emitter& e, bool native, const Vec& x, const Vec& t, const Vec& t2) {
  if (native && x.isZMM()) {
    e.vcvtneps2bf16(Xbyak::Ymm(t.getIdx()), x);
    e.vpmovzxwd(x, Xbyak::Ymm(t.getIdx()));
    e.vpslld(x, x, 16);
    return;
  }
  constexpr std::uint8_t ordered = 7;
  e.vmulps(x, x, e.constant(1.0F));
  e.vpsrld(t, x, 16);
  e.vandps(t, t, e.constant_bits(1));
  e.vpaddd(t, t, e.constant_bits(0x7fff));
  if (e.width() == 16) {
    e.vcmpps(Xbyak::util::k1, x, x, ordered);
    e.vpaddd(x | Xbyak::util::k1, x, t);
  } else {
    e.vcmpps(t2, x, x, ordered);
    e.vandps(t, t, t2);
    e.vpaddd(x, x, t);
  }
  e.vandps(x, x, e.constant_bits(0xffff0000U));
}

void emit_store_bf16(Emitter& e, bool native, const Emitter::Address& to,
                     std::span<const Vec> group, const Vec& t) {
  if (native) {
    e.vcvtneps2bf16(Xbyak::Ymm(t.getIdx()), group[0]);
    e.vmovups(to, Xbyak::Ymm(t.getIdx()));
    return;
  }
  for (const Vec& x : group) e.vpsrld(x, x, 16);
  if (e.width() == 16) {
    e.vpmovdw(to, group[0]);
    return;
  }
  // Packing 8 + 8 dwords interleaves their 128-bit halves; put them in order.
  constexpr std::uint8_t even_then_odd_quarters = 0xd8;
  const Xbyak::Ymm words(group[0].getIdx());
  e.vpackusdw(words, words, Xbyak::Ymm(group[1].getIdx()));
  e.vpermq(words, words, even_then_odd_quarters);
  e.vmovups(to, words);
}

}  // namespace bertq::jit
