#include <cstddef>
#include <string>
#include <vector>

#include "jit/emitter.h"
#include "jit/row_generators.h"
#include "jit/row_kernels.h"

namespace bertq::jit {
namespace {

// 16 x 16 lanes of 32 bits, in square blocks as wide as a register: whole or in four.
class TransposeTiles : public Emitter {
 public:
  explicit TransposeTiles(Isa isa) : Emitter(isa) {
    for (int i = 0; i < width(); ++i) {
      rows_.push_back(vec(i));
      turned_.push_back(vec(width() + i));
    }
  }

  CodeBlock generate() {
    Xbyak::Label again, done;
    prologue();
    mov(from_, ptr[args + offsetof(TransposeArgs, from)]);
    mov(to_, ptr[args + offsetof(TransposeArgs, to)]);
    mov(left_, ptr[args + offsetof(TransposeArgs, tiles)]);
    L(again);
    sub(left_, 1);
    jb(done);
    for (int top = 0; top < halves(); ++top) {
      for (int side = 0; side < halves(); ++side) transpose_block(top, side);
    }
    add(from_, static_cast<std::uint32_t>(tile_bytes));
    add(to_, static_cast<std::uint32_t>(tile_bytes));
    jmp(again);
    L(done);
    epilogue();
    return finish(std::string(isa_name(isa())) + ".transpose_tiles");
  }

 private:
  Address row(const Reg& base, int index, int side) const {
    return at(base, index * static_cast<int>(tile_depth) + side * vector_bytes());
  }

  void transpose_block(int top, int side) {
    const auto count = static_cast<std::size_t>(width());
    for (std::size_t i = 0; i < count; ++i) {
      load(rows_[i], row(from_, top * width() + static_cast<int>(i), side));
    }
    for (std::size_t i = 0; i < count; i += 2) {
      vunpcklps(turned_[i], rows_[i], rows_[i + 1]);
      vunpckhps(turned_[i + 1], rows_[i], rows_[i + 1]);
    }
    for (std::size_t i = 0; i < count; i += 4) {
      vunpcklpd(rows_[i], turned_[i], turned_[i + 2]);
      vunpckhpd(rows_[i + 1], turned_[i], turned_[i + 2]);
      vunpcklpd(rows_[i + 2], turned_[i + 1], turned_[i + 3]);
      vunpckhpd(rows_[i + 3], turned_[i + 1], turned_[i + 3]);
    }
    // Now quarter q of rows_[4 b + j] is column 4 q + j of the rows from 4 b on.
    for (std::size_t j = 0; j < 4; ++j) gather_quarters(j);
    for (std::size_t i = 0; i < count; ++i) {
      vmovups(row(to_, side * width() + static_cast<int>(i), top), turned_[i]);
    }
  }

  void gather_quarters(std::size_t j) {
    if (width() == 8) {
      vperm2f128(Xbyak::Ymm(turned_[j].getIdx()), Xbyak::Ymm(rows_[j].getIdx()), rows_[4 + j],
                 0x20);
      vperm2f128(Xbyak::Ymm(turned_[4 + j].getIdx()), Xbyak::Ymm(rows_[j].getIdx()), rows_[4 + j],
                 0x31);
      return;
    }
    constexpr std::uint8_t lower = 0x44, upper = 0xee, even = 0x88, odd = 0xdd;
    const auto shuffle = [&](const Vec& to, const Vec& a, const Vec& b, std::uint8_t which) {
      vshuff32x4(Xbyak::Zmm(to.getIdx()), Xbyak::Zmm(a.getIdx()), b, which);
    };
    shuffle(turned_[j], rows_[j], rows_[4 + j], lower);
    shuffle(turned_[4 + j], rows_[8 + j], rows_[12 + j], lower);
    shuffle(turned_[8 + j], rows_[j], rows_[4 + j], upper);
    shuffle(turned_[12 + j], rows_[8 + j], rows_[12 + j], upper);
    shuffle(rows_[j], turned_[j], turned_[4 + j], even);
    shuffle(rows_[4 + j], turned_[j], turned_[4 + j], odd);
    shuffle(rows_[8 + j], turned_[8 + j], turned_[12 + j], even);
    shuffle(rows_[12 + j], turned_[8 + j], turned_[12 + j], odd);
    for (std::size_t q = 0; q < 4; ++q) std::swap(turned_[4 * q + j], rows_[4 * q + j]);
  }

  std::vector<Vec> rows_, turned_;
  const Reg from_ = rsi, to_ = rdx, left_ = rcx;
};

}  // namespace

CodeBlock generate_transpose_tiles(Isa isa) {
  return TransposeTiles(isa).generate();
}

}  // namespace bertq::jit
