#include <array>
#include <cstddef>
#include <string>

#include "jit/row_emitter.h"
#include "jit/row_generators.h"
#include "jit/row_kernels.h"

namespace bertq::jit {
namespace {

constexpr int block = static_cast<int>(depth_group);                // rows that are packed together
constexpr int group_bytes = static_cast<int>(lanes * depth_group);  // 16 columns of packed B

// Both take four rows of one head at a time.
class AttentionPack : public RowEmitter {
 protected:
  explicit AttentionPack(Isa isa)
      : RowEmitter(isa), q_(take(block)), magnitude_bits_(take()), t_(take()) {}

  const Vec& q(int r) const { return q_[static_cast<std::size_t>(r)]; }

  void quantize(int r, const Vec& inverse, const Address& values) {
    vmulps(q(r), inverse, values);
    vcvtps2dq(q(r), q(r));
  }

  // q(0)..q(3) as bytes in q(0): each 128-bit quarter holds four bytes of every row.
  void pack_bytes() {
    vpackssdw(q(0), q(0), q(1));
    vpackssdw(q(2), q(2), q(3));
    vpacksswb(q(0), q(0), q(2));
  }

  const std::vector<Vec> q_;
  const Vec magnitude_bits_, t_;
};

// Keys are rows of x and columns of B: of every four channels, four keys lie side by side, which is
// what a quarter holds when the bytes of four rows are packed.
class PackKeys : public AttentionPack {
 public:
  explicit PackKeys(Isa isa)
      : AttentionPack(isa), sums_(take(block)), inverse_(take(block)), scales_(take()) {}

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
        [&] {
          for (int quarter = 0; quarter < quarters; ++quarter) {
            vmovups(at(to_, quarter * group_bytes), first_four(t_));
          }
        },
        advance);
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

// Values are rows of x and rows of B (its depth): of each channel, four of them lie side by side.
// Up to 64 channels at a time, which lie side by side in a row: fewer would walk through memory in
// small pieces far apart.
class PackValues : public AttentionPack {
 public:
  explicit PackValues(Isa isa)
      : AttentionPack(isa), channels_(take_groups(groups_at_once)), order_(take()) {}

  CodeBlock generate() {
    begin({offsetof(PackValuesArgs, x), offsetof(PackValuesArgs, ld),
           offsetof(PackValuesArgs, rows), offsetof(PackValuesArgs, columns)});
    mov(to_, argument(offsetof(PackValuesArgs, packed)));
    lea(ld3_, ptr[ld + ld * 2]);
    lea(panel_, at(rows, static_cast<int>(tile_depth - 1)));
    and_(panel_, static_cast<std::uint32_t>(-static_cast<int>(tile_depth)));
    shl(panel_, 4);
    static_assert(lanes == 1 << 4);
    lea(panel3_, ptr[panel_ + panel_ * 2]);
    load(magnitude_bits_, constant_bits(magnitude_bits));
    load(order_, table(transposed_bytes()));
    for_each_group(
        [&](const Stretch& stretch) {
          find_scales(stretch);
          pack_channels(stretch);
        },
        [&](int groups) {  // packing one panel has brought it to the next
          if (groups == groups_at_once) add(to_, panel3_);
        });
    end();
    return finish(std::string(isa_name(isa())) + ".pack_values");
  }

 private:
  static constexpr int groups_at_once = 4;

  // 4 x 4 bytes of each quarter: from four channels a row to four rows a channel.
  static std::vector<std::uint32_t> transposed_bytes() {
    std::vector<std::uint32_t> bytes;
    for (std::size_t i = 0; i < lanes; ++i) {
      bytes.push_back(0x0c080400U + static_cast<std::uint32_t>(i % 4) * 0x01010101U);
    }
    return bytes;
  }

  // Of half a group of channels: the largest magnitude, later the factor to multiply with.
  const Vec& largest(int g, int half) const {
    return channels_[static_cast<std::size_t>(g)][static_cast<std::size_t>(half)];
  }
  const Vec& inverse(int g, int half) const { return largest(g, half); }

  void first_row() {
    mov(x, argument(offsetof(PackValuesArgs, x)));
    lea(x, ptr[x + column * 4]);
    xor_(row, row);
  }

  template <typename HalfBody>
  void for_each_half(const Stretch& stretch, HalfBody body) {
    for (int g = 0; g < stretch.groups; ++g) {
      for (int half = 0; half < halves(); ++half) body(g, half);
    }
  }

  void find_scales(const Stretch& stretch) {
    for_each_half(stretch, [&](int g, int half) { zero(largest(g, half)); });
    first_row();
    for (const int count : {block, 1}) {
      for_each_row(count, [&] {
        for (int r = 0; r < count; ++r) {
          for_each_half(stretch, [&](int g, int half) {
            vandps(t_, magnitude_bits_, values(r, g, half));
            vpmaxsd(largest(g, half), largest(g, half), t_);
          });
        }
      });
    }
    mov(scratch, argument(offsetof(PackValuesArgs, scale)));
    for_each_half(stretch, [&](int g, int half) {
      const Vec &range = q(0), scale = q(1);
      vmovaps(range, largest(g, half));
      if (stretch.partial) clear_padding(range, half);
      scale_of_range(range, constant(127.0F), scale, inverse(g, half));
      vmovups(f32(scratch, g, half), scale);
    });
  }

  void pack_channels(const Stretch& stretch) {
    Xbyak::Label padding, next, done;
    first_row();
    for_each_row(block, [&] {
      for_each_half(stretch, [&](int g, int half) {
        for (int r = 0; r < block; ++r) quantize(r, inverse(g, half), values(r, g, half));
        store(g, half, stretch.partial);
      });
      step(to_, group_bytes);
    });
    cmp(row, rows);
    jae(padding);
    for_each_half(stretch, [&](int g, int half) { pack_last_rows(g, half, stretch.partial); });
    step(row, block);
    step(to_, group_bytes);
    L(padding);
    zero(t_);
    L(next);
    test(row, static_cast<std::uint32_t>(tile_depth - 1));
    jz(done);
    for_each_half(stretch, [&](int g, int half) { vmovups(stored(g, half), t_); });
    step(row, block);
    step(to_, group_bytes);
    jmp(next);
    L(done);
  }

  // One to three rows; the others are zeros.
  void pack_last_rows(int g, int half, bool partial) {
    Xbyak::Label complete;
    for (int r = 1; r < block; ++r) zero(q(r));
    for (int r = 0; r < block - 1; ++r) {
      lea(scratch, at(row, r));
      cmp(scratch, rows);
      jae(complete);
      quantize(r, inverse(g, half), values(r, g, half));
    }
    L(complete);
    store(g, half, partial);
  }

  void store(int g, int half, bool partial) {
    pack_bytes();
    vpshufb(q(0), q(0), order_);
    if (partial) clear_padding(q(0), half);
    vmovups(stored(g, half), q(0));
  }

  // base + index * (0..3), where index3 is three times index.
  Address strided(const Reg& base, const Reg& index, const Reg& index3, int i, int offset) const {
    if (i == 0) return at(base, offset);
    return i == 3 ? at(base + index3, offset) : at(base + index * i, offset);
  }
  // Half of the 16 channels of group g in row r from x on, and where they are packed.
  Address values(int r, int g, int half) const {
    return strided(x, ld, ld3_, r, (g * halves() + half) * vector_bytes());
  }
  Address stored(int g, int half) const {
    return strided(to_, panel_, panel3_, g, half * vector_bytes());
  }

  const std::vector<Group> channels_;
  const Vec order_;
  // Bytes of a panel, which holds 16 channels of all rows.
  const Reg panel_ = rbx, panel3_ = r12;
  const Reg to_ = r14, ld3_ = r15;
};

}  // namespace

CodeBlock generate_pack_keys(Isa isa) {
  return PackKeys(isa).generate();
}

CodeBlock generate_pack_values(Isa isa) {
  return PackValues(isa).generate();
}

}  // namespace bertq::jit
