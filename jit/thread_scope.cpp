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

// STTILECFG and LDTILECFG, generated like all code that this compiler need not know of.
struct TileSwitch {
  using Configuration = std::array<std::uint8_t, 64>;

  TileSwitch() {
    Emitter store(Isa::amx);
    store.sttilecfg(store.ptr[store.args]);
    store.ret();
    Emitter load(Isa::amx);
    load.ldtilecfg(load.ptr[load.args]);
    load.ret();
    const std::array blocks = {store.finish("amx.store_tile_configuration"),
                               load.finish("amx.load_tile_configuration")};
    memory.emplace(blocks);
    store_configuration = memory->function<void (*)(Configuration*)>(0);
    load_configuration = memory->function<void (*)(const Configuration*)>(1);
  }

  std::optional<CodeMemory> memory;
  void (*store_configuration)(Configuration*);
  // One of all zeros, as where tiles were not in use, releases them.
  void (*load_configuration)(const Configuration*);
};

const TileSwitch& tile_switch() {
  static const auto& instance = *new TileSwitch;  // never destroyed: kernels outlive main
  return instance;
}

}  // namespace

ThreadScope::ThreadScope(Isa isa) : isa_(isa), saved_mxcsr_(_mm_getcsr()) {
  _mm_setcsr(kernel_mxcsr);
  if (isa_ != Isa::amx) return;
  tile_switch().store_configuration(&saved_tiles_);
  tile_switch().load_configuration(&tile_configuration());
}

ThreadScope::~ThreadScope() {
  if (isa_ == Isa::amx) tile_switch().load_configuration(&saved_tiles_);
  _mm_setcsr(saved_mxcsr_);
}

}  // namespace bertq::jit
