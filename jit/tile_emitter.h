// What the generators of kernels that write u8 tiles (layout.h) share: walking through the tiles
// row by row, and storing groups of int32 lanes as bytes, or of f32 lanes as bf16.
#pragma once

#include "jit/row_emitter.h"

namespace bertq::jit {

class TileEmitter : public RowEmitter {
 protected:
  // u8 tiles.
  explicit TileEmitter(Isa isa) : TileEmitter(isa, Elements::u8, false) {}
  // Tiles of bf16, by instructions of their own where the path has fast BF16.
  TileEmitter(Isa isa, bool fast_bf16) : TileEmitter(isa, Elements::bf16, fast_bf16) {}

  // After RowEmitter::begin(). `tiles_argument` is the offset of the pointer to the tiles.
  void begin_tiles(std::size_t tiles_argument);
  void for_each_tile_row(const std::function<void()>& body);
  // Body leaves int32 lanes in the results of its stretch; they are adjusted and stored after it.
  // Of bf16: f32 lanes, rounded (emit_round_to_bf16) unless native_bf16().
  void for_each_stored_group(const Body& body);
  // After for_each_stored_group: these bytes for each group from there to the end of the tile, 16
  // of them or, of bf16, 32.
  void store_padding(const Vec& bytes);

  bool native_bf16() const { return native_bf16_; }

  const Group& result(int group) const { return results_[static_cast<std::size_t>(group)]; }
  const Vec& result(int group, int half) const {
    return result(group)[static_cast<std::size_t>(half)];
  }

  // Free within a body.
  const Vec& temporary() const { return temporary_; }

  // What happens to results last: to four groups when they have become 16-bit numbers, which takes
  // half the instructions, or to the 32-bit ones of a single group. They must end in 0..255.
  virtual void adjust_words(const Vec&) {}
  virtual void adjust_integers(const Vec&) {}

 private:
  enum class Elements { u8, bf16 };
  TileEmitter(Isa isa, Elements elements, bool native_bf16);

  bool is_bf16() const { return elements_ == Elements::bf16; }
  int columns_of_tile() const;
  void store_bf16_groups(int count);
  void store_four_groups();
  void store_one_group();
  void advance_row();
  Advance advance_tile();

  // r14 and r15 stay free.
  const Reg tile_ = rbx;        // where the next group goes
  const Reg tile_row_ = r12;    // where the row begins
  const Reg panel_skip_ = r13;  // from behind the last row of a panel of 16 rows to the next panel
  const Elements elements_;
  const bool native_bf16_;
  std::vector<Group> results_;
  Vec temporary_;
};

}  // namespace bertq::jit
