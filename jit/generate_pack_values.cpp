#include <cstddef>
#include <string>

#include "jit/attention_pack_emitter.h"
#include "jit/row_generators.h"
#include "jit/row_kernels.h"

namespace bertq::jit {
namespace {

// Values are rows of x and rows of B (its depth): of each channel, four of them lie side by side.
// Up to 64 channels at a time, which lie side by side in a row: fewer would walk through memory in
// small pieces far apart.
class PackValues : public AttentionPackEmitter {
 public:
  explicit PackValues(Isa isa)
      : AttentionPackEmitter(isa), channels_(take_groups(groups_at_once)), order_(take()) {}

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

CodeBlock generate_pack_values(Isa isa) {
  return PackValues(isa).generate();
}

}  // namespace bertq::jit
