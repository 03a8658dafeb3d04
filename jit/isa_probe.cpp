#include "jit/isa_probe.h"

#include <system_error>

#include "jit/emitter.h"
#include "jit/gemm_tile.h"
#include "jit/guarded_call.h"

namespace bertq::jit {
namespace {

using Xbyak::util::k1;
using Xbyak::util::rsi;

// All on zeros: nothing can overflow or be invalid, whatever MXCSR the caller has unmasked.
void emit_vectors(Emitter& e, Isa isa) {
  const auto x = e.vec(0), y = e.vec(1);
  e.zero(x);
  e.zero(y);
  e.vfmadd231ps(x, y, y);
  if (!has_zmm(isa)) {
    e.vpmaddwd(x, y, y);
    if (isa == Isa::avx_vnni) e.vpdpbusd(x, y, y, Xbyak::VexEncoding);
    return;
  }
  const auto last = e.vec(31);
  e.vpxord(last, last, last);                                // F
  e.vpmaddwd(last, y, y);                                    // BW
  e.vpaddd(Xbyak::Ymm(16), Xbyak::Ymm(31), Xbyak::Ymm(31));  // VL
  e.vpmullq(last, last, last);                               // DQ
  e.kxnorq(k1, k1, k1);
  e.vmovups(last | k1, y);
  if (isa == Isa::avx512_vnni) e.vpdpbusd(last, y, y, Xbyak::EvexEncoding);
}

// As amx_gemm's: configure, fill, multiply, store.
void emit_tiles(Emitter& e) {
  e.ldtilecfg(e.ptr[e.args]);
  for (const auto& tile : {e.tmm0, e.tmm1, e.tmm2}) e.tilezero(tile);
  e.tdpbusd(e.tmm0, e.tmm1, e.tmm2);
  e.tilerelease();
}

}  // namespace

int probe(Isa isa, bool broken) {
  if (isa == Isa::reference) return 0;
  Emitter e(isa);
  if (broken) e.ud2();
  emit_vectors(e, isa);
  if (isa == Isa::amx) emit_tiles(e);
  e.vzeroupper();
  e.ret();
  const CodeBlock block = e.finish("probe");
  try {
    const CodeMemory memory({&block, 1});
    const auto function = memory.function<void (*)(const void*)>(0);
    return guarded_call([&] { function(&tile_configuration()); });
  } catch (const std::system_error&) {
    return 0;  // no code memory: Kernels::of says so
  }
}

}  // namespace bertq::jit
