#include <cstddef>
#include <string>

#include "jit/bf16_emitter.h"
#include "jit/row_emitter.h"
#include "jit/row_generators.h"
#include "jit/row_kernels.h"

namespace bertq::jit {
namespace {

// Values are rows of x and rows of B (its depth): of each channel, two of them lie side by side.
// Which is what a lane of 32 bits holds: the lower number of the one, the upper one of the other.
class PackValuesBf16 : public RowEmitter {
 public:
  explicit PackValuesBf16(Isa isa)
      : RowEmitter(isa), first_(take()), second_(take()), t_(take()), t2_(take()) {}

  CodeBlock generate() {
    begin({offsetof(PackBf16Args, x), offsetof(PackBf16Args, ld), offsetof(PackBf16Args, rows),
           offsetof(PackBf16Args, columns)});
    mov(panel_start_, argument(offsetof(PackBf16Args, packed)));
    lea(panel_bytes_, at(rows, static_cast<int>(bf16_tile_depth - 1)));
    and_(panel_bytes_, static_cast<std::uint32_t>(-static_cast<int>(bf16_tile_depth)));
    shl(panel_bytes_, 5);
    static_assert(lanes * bf16_bytes == 1 << 5);
    for_each_group([&](const Stretch& stretch) { pack_channels(stretch); });
    end();
    return finish(std::string(isa_name(isa())) + ".pack_values_bf16");
  }

 private:
  static constexpr int pair = 2;

  // A few groups of channels, which lie side by side in x and are panels of B.
  void pack_channels(const Stretch& stretch) {
    Xbyak::Label even, padding, done;
    mov(x, argument(offsetof(PackBf16Args, x)));
    lea(x, ptr[x + column * 4]);
    xor_(row, row);
    mov(to_, panel_start_);
    for_each_row(pair, [&] {
      for_each_half(stretch, [&](int g, int half) {
        load_rounded(second_, at(x + ld, offset(g, half)), stretch.partial, half);
        store_pair(g, half, stretch.partial);
      });
      step(to_, group_bytes);
    });
    cmp(row, rows);
    jae(even);
    for_each_half(stretch, [&](int g, int half) {
      zero(second_);
      store_pair(g, half, stretch.partial);
    });
    step(row, pair);
    step(to_, group_bytes);
    L(even);
    L(padding);
    test(row, static_cast<std::uint32_t>(bf16_tile_depth - 1));
    jz(done);
    zero(first_);
    for_each_half(stretch, [&](int g, int half) { vmovups(stored(g, half), first_); });
    step(row, pair);
    step(to_, group_bytes);
    jmp(padding);
    L(done);
    for (int g = 0; g < stretch.groups; ++g) add(panel_start_, panel_bytes_);
  }

  template <typename Body>
  void for_each_half(const Stretch& stretch, Body body) {
    for (int g = 0; g < stretch.groups; ++g) {
      if (g > 0) {
        mov(scratch, panel_bytes_);
        imul(scratch, scratch, g);
        add(scratch, to_);
      }
      for (int half = 0; half < halves(); ++half) body(g, half);
    }
  }

  int offset(int g, int half) const { return (g * halves() + half) * vector_bytes(); }

  void load_rounded(const Vec& to, const Address& from, bool partial, int half) {
    load(to, from);
    if (partial) clear_padding(to, half);
    emit_round_to_bf16(*this, false, to, t_, t2_);
  }

  // The row at x, and what second_ holds.
  void store_pair(int g, int half, bool partial) {
    load_rounded(first_, at(x, offset(g, half)), partial, half);
    vpsrld(first_, first_, 16);
    vorps(first_, first_, second_);
    vmovups(stored(g, half), first_);
  }

  Address stored(int g, int half) const {
    return at(g == 0 ? to_ : scratch, half * vector_bytes());
  }

  static constexpr int group_bytes = static_cast<int>(lanes * pair * bf16_bytes);

  const Vec first_, second_, t_, t2_;
  const Reg panel_start_ = rbx, panel_bytes_ = r12, to_ = r14;
};

}  // namespace

CodeBlock generate_pack_values_bf16(Isa isa) {
  return PackValuesBf16(isa).generate();
}

}  // namespace bertq::jit
