// The end of every product: from sums in registers to numbers in memory, as GemmSpec spells it.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <span>
#include <vector>

#include "jit/emitter.h"
#include "jit/gemm.h"
#include "jit/gemm_block.h"
#include "jit/vector_math.h"

namespace bertq::jit {

// The vectors over the columns that a spec has, as offsets into GemmBlock, in the order in which
// GemmEpilogue wants them.
std::vector<std::size_t> column_vectors(const GemmSpec& spec);
inline constexpr std::size_t most_column_vectors = 4;

// Emits the epilogue of a block row by row, top to bottom. Shared by the vector kernels, whose sums
// stay in registers, and the tile kernels, which load them back from memory.
class GemmEpilogue {
 public:
  // `temporaries`: registers that hold nothing any more. `columns`: where each of column_vectors
  // lies, from the block's first column on.
  GemmEpilogue(Emitter& e, const GemmSpec& spec, bool fast_bf16, const Temporaries& temporaries,
               std::span<const Xbyak::RegExp> columns);

  // Loads the pointers it walks with from the GemmBlock at `block`. From here on it owns the
  // registers named below, of which c_[2] only where there are three groups and c_[1] only where
  // the output is in tiles.
  void begin(const Emitter::Reg& block, int groups);
  // Finishes and stores one row and steps to the next. `sums` are the row's registers from left to
  // right, f32, or int32 less the compensation; they are overwritten. Reads strides at
  // Emitter::args.
  void row(std::span<const Emitter::Vec> sums);
  // Output in tiles: steps from the end of one panel of 16 rows to the start of the next.
  void next_panel();

 private:
  void finish(const Emitter::Vec& x, int index);
  void store_f32(const Emitter::Vec& x, int index);
  void store_u8(std::span<const Emitter::Vec> group, int index);
  void store_bf16(std::span<const Emitter::Vec> group, int index);
  void add_field(const Emitter::Reg& to, std::size_t offset);
  Emitter::Address column(std::size_t offset, int index) const;

  Emitter& e_;
  GemmSpec spec_;
  bool fast_bf16_;
  Temporaries t_;
  std::map<std::size_t, Xbyak::RegExp> columns_;  // by offset in GemmBlock
  int groups_ = 0;

  const Emitter::Reg residual_ = Xbyak::util::rax;
  const Emitter::Reg row_scale_ = Xbyak::util::rsi;
  // f32: C; tiles: one pointer a group.
  const std::array<Emitter::Reg, most_groups> c_ = {Xbyak::util::rdx, Xbyak::util::r8,
                                                    Xbyak::util::r9};
};

}  // namespace bertq::jit
