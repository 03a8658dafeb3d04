// The end of every product: from sums in registers to numbers in memory, as GemmSpec spells it.
#pragma once

#include <array>
#include <span>

#include "jit/emitter.h"
#include "jit/gemm.h"
#include "jit/gemm_block.h"
#include "jit/vector_math.h"

namespace bertq::jit {

// Emits the epilogue of a block row by row, top to bottom. Shared by the vector kernels, whose sums
// stay in registers, and the tile kernels, which load them back from memory.
class GemmEpilogue {
 public:
  // `temporaries`: registers that hold nothing any more.
  GemmEpilogue(Emitter& e, const GemmSpec& spec, bool fast_bf16, const Temporaries& temporaries)
      : e_(e), spec_(spec), fast_bf16_(fast_bf16), t_(temporaries) {}

  // Those that it owns although the System V ABI makes the kernel save them.
  static std::vector<Emitter::Reg> saved_registers(const GemmSpec& spec);

  // Loads the pointers it walks with. From here on it owns the registers named below.
  void begin(int groups);
  // Finishes and stores one row and steps to the next. `sums` are the row's registers from left to
  // right, f32, or int32 less the compensation; they are overwritten.
  void row(std::span<const Emitter::Vec> sums);
  // Output in tiles: steps from the end of one panel of 16 rows to the start of the next.
  void next_panel();

 private:
  void finish(const Emitter::Vec& x, int index);
  void store_f32(const Emitter::Vec& x, int index);
  void store_u8(std::span<const Emitter::Vec> group, int index);
  void store_bf16(std::span<const Emitter::Vec> group, int index);

  Emitter& e_;
  GemmSpec spec_;
  bool fast_bf16_;
  Temporaries t_;
  int groups_ = 0;

  const Emitter::Reg residual_ = Xbyak::util::rax;
  const Emitter::Reg bias_ = Xbyak::util::rcx;
  const Emitter::Reg row_scale_ = Xbyak::util::rsi;
  const Emitter::Reg column_scale_ = Xbyak::util::r10;
  // f32: C and its stride; tiles: one pointer a group.
  const std::array<Emitter::Reg, most_groups> c_ = {Xbyak::util::rdx, Xbyak::util::r8,
                                                    Xbyak::util::r9};
  const Emitter::Reg residual_stride_ = Xbyak::util::r11;
  // Of u8 output.
  const Emitter::Reg output_multiplier_ = Xbyak::util::r14;
  const Emitter::Reg output_offset_ = Xbyak::util::r15;
};

}  // namespace bertq::jit
