#include <array>
#include <cstddef>
#include <string>

#include "jit/attention_pack_emitter.h"
#include "jit/row_generators.h"
#include "jit/row_kernels.h"

namespace bertq::jit {
namespace {

// Keys are rows of x and columns of B: of every four channels, four keys lie side by side, which is
// what a quarter holds when the bytes of four rows are packed.
class PackKeys : public AttentionPackEmitter {
 public:
  explicit PackKeys(Isa isa)
      : AttentionPackEmitter(isa), sums_(take(block)), inverse_(take(block)), scales_(take()) {}

  CodeBlock generate() {
    begin({offsetof(PackKeysArgs, x), offsetof(PackKeysArgs, ld), offsetof(PackKeysArgs, rows),
           offsetof(PackKeysArgs, columns)});
    mov(block_start_, argument(offsetof(PackKeysArgs, packed)));
    load(magnitude_bits_, constant_bits(magnitude_bits));
    for_each_row(block, [&] { pack_block(block); });
    for (int present = block - 1; present > 0; --present) pack_last_block(present);
    fill_panel();
    end();
    return finish(std::string(isa_name(isa())) + ".pack_keys");
  }

 private:
  const Vec& sum(int r) const { return sums_[static_cast<std::size_t>(r)]; }
  const Vec& inverse(int r) const { return inverse_[static_cast<std::size_t>(r)]; }
  const Reg& row_pointer(int r) const { return row_pointers_[static_cast<std::size_t>(r)]; }

  // If exactly `present` rows are left.
  void pack_last_block(int present) {
    Xbyak::Label other;
    lea(scratch, at(row, present));
    cmp(scratch, rows);
    jne(other);
    pack_block(present);
    step(row, block);
    L(other);
  }

  void fill_panel() {
    Xbyak::Label again, done;
    L(again);
    test(row, static_cast<std::uint32_t>(lanes - 1));
    jz(done);
    pack_block(0);
    step(row, block);
    jmp(again);
    L(done);
  }

  // Four keys, of which the first `present` exist; the others are zeros.
  void pack_block(int present) {
    for (int r = 1; r < present; ++r) lea(row_pointer(r), ptr[row_pointer(r - 1) + ld]);
    find_scales(present);
    quantize_block(present);
    store_sums();
    next_block();
  }

  void find_scales(int present) {
    const auto larger = [&](const Vec& a, const Vec& b) { vpmaxsd(a, a, b); };
    std::vector<Group> largest;
    for (int r = 0; r < block; ++r) {
      largest.push_back(halves() == 1 ? Group{q(r)} : Group{q(r), sum(r)});
      for (const Vec& v : largest.back()) zero(v);
    }
    if (present > 0) {
      for_each_group([&](const Stretch& stretch) {
        for (int g = 0; g < stretch.groups; ++g) {
          for (int half = 0; half < halves(); ++half) {
            for (int r = 0; r < present; ++r) {
              const Vec& to = largest[static_cast<std::size_t>(r)][static_cast<std::size_t>(half)];
              vandps(t_, magnitude_bits_, f32(row_pointer(r), g, half));
              if (stretch.partial) clear_padding(t_, half);
              vpmaxsd(to, to, t_);
            }
          }
        }
      });
    }
    const Xbyak::Xmm scales = first_four(scales_), inverses = first_four(sum(0)),
                     t = first_four(t_);
    scale_of_range(reduce_four_rows(largest, t_, larger), constant(127.0F), scales, inverses);
    vmovups(of_row(offsetof(PackKeysArgs, scale)), scales);
    for (int r = 0; r < present; ++r) {
      vshufps(t, inverses, inverses, static_cast<std::uint8_t>(r * 0x55));
      vbroadcastss(inverse(r), t);
    }
  }

  void quantize_block(int present) {
    for (int r = 0; r < block; ++r) {
      zero(sum(r));
      zero(q(r));
    }
    mov(to_, block_start_);
    const Advance advance = [&](int groups) { step(to_, groups * stored_bytes); };
    for_each_group(
        [&](const Stretch& stretch) {
          for (int g = 0; g < stretch.groups; ++g) {
            for (int half = 0; half < halves(); ++half) {
              quantize_half_group(present, g, half, stretch.partial);
            }
          }
        },
        advance);
    zero(t_);
    for_each_padding_group(
        static_cast<int>(tile_depth),
        [&] {
          for (int quarter = 0; quarter < quarters; ++quarter) {
            vmovups(at(to_, quarter * group_bytes), first_four(t_));
          }
        },
        advance);
  }

  void store_sums() {
    std::vector<Group> sums;
    for (const Vec& v : sums_) sums.push_back({v});
    const auto add_integers = [&](const Vec& a, const Vec& b) { vpaddd(a, a, b); };
    const Xbyak::Xmm totals = reduce_four_rows(sums, t_, add_integers);
    vmovups(of_row(offsetof(PackKeysArgs, sum)), totals);
  }

  void quantize_half_group(int present, int g, int half, bool partial) {
    for (int r = 0; r < present; ++r) {
      quantize(r, inverse(r), f32(row_pointer(r), g, half));
      if (partial) clear_padding(q(r), half);
      vpaddd(sum(r), sum(r), q(r));
    }
    pack_bytes();  // leaves the zeros of rows that are not present
    for (int quarter = 0; quarter < quarters / halves(); ++quarter) {
      const Address to =
          at(to_, g * stored_bytes + (half * (quarters / halves()) + quarter) * group_bytes);
      store_quarter(to, q(0), quarter);
    }
  }

  void store_quarter(const Address& to, const Vec& v, int quarter) {
    if (quarter == 0) {
      vmovups(to, first_four(v));
    } else if (quarter == 1) {
      vextractf128(to, Xbyak::Ymm(v.getIdx()), 1);
    } else {
      vextractf32x4(to, Xbyak::Zmm(v.getIdx()), static_cast<std::uint8_t>(quarter));
    }
  }

  void next_block() {
    Xbyak::Label same_panel;
    step(block_start_, block * static_cast<int>(depth_group));
    lea(scratch, at(row, block));
    test(scratch, static_cast<std::uint32_t>(lanes - 1));
    jnz(same_panel);
    // From the end of the panel's first 64 bytes to the next panel.
    lea(scratch, at(columns, static_cast<int>(tile_depth - 1)));
    and_(scratch, static_cast<std::uint32_t>(-static_cast<int>(tile_depth)));
    shl(scratch, 4);
    static_assert(lanes == 1 << 4);
    lea(block_start_, at(block_start_ + scratch, -group_bytes));
    L(same_panel);
  }

  static constexpr int quarters = 4;  // of a group of 16 channels, in 512 bits
  static constexpr int stored_bytes = quarters * group_bytes;

  const std::vector<Vec> sums_, inverse_;
  const Vec scales_;
  const std::array<Reg, block> row_pointers_ = {x, rbx, r12, r13};
  const Reg block_start_ = r14, to_ = r15;
};

}  // namespace

CodeBlock generate_pack_keys(Isa isa) {
  return PackKeys(isa).generate();
}

}  // namespace bertq::jit
