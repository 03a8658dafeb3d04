#include <xmmintrin.h>

#include <array>
#include <optional>

#include "jit/emitter.h"
#include "jit/gemm_tile.h"
#include "jit/kernels.h"

namespace bertq::jit {
namespace {

// Round to nearest, all exceptions masked, denormals read (bit 6) and written (bit 15) as zero: the
// tails of softmax would otherwise cost hundreds of cycles each.
constexpr std::uint32_t kernel_mxcsr = 0x1f80U | 0x8000U | 0x0040U;

// LDTILECFG and TILERELEASE, generated like all code that this compiler need not know of.
struct TileSwitch {
  TileSwitch() {
    Emitter load(Isa::amx);
    load.ldtilecfg(load.ptr[load.args]);
    load.ret();
    Emitter release(Isa::amx);
    release.tilerelease();
    release.ret();
    const std::array blocks = {load.finish("amx.load_tile_configuration"),
                               release.finish("amx.release_tiles")};
    memory.emplace(blocks);
    load_configuration = memory->function<void (*)(const std::uint8_t*)>(0);
    release_tiles = memory->function<void (*)()>(1);
  }

  std::optional<CodeMemory> memory;
  void (*load_configuration)(const std::uint8_t*);
  void (*release_tiles)();
};

const TileSwitch& tile_switch() {
  static const auto& instance = *new TileSwitch;  // never destroyed: kernels outlive main
  return instance;
}

}  // namespace

ThreadScope::ThreadScope(Isa isa) : isa_(isa), saved_mxcsr_(_mm_getcsr()) {
  _mm_setcsr(kernel_mxcsr);
  if (isa_ == Isa::amx) tile_switch().load_configuration(tile_configuration().data());
}

ThreadScope::~ThreadScope() {
  if (isa_ == Isa::amx) tile_switch().release_tiles();
  _mm_setcsr(saved_mxcsr_);
}

}  // namespace bertq::jit
