// What the generators of kernels that write u8 tiles (layout.h) share: walking through the tiles
// row by row, and storing groups of int32 lanes as bytes.
#pragma once

#include "jit/row_emitter.h"

namespace bertq::jit {

class TileEmitter : public RowEmitter {
 protected:
  explicit TileEmitter(Isa isa);

  // After RowEmitter::begin(). `tiles_argument` is the offset of the pointer to the tiles.
  void begin_tiles(std::size_t tiles_argument);
  void for_each_tile_row(const std::function<void()>& body);
  // Body leaves int32 lanes in the results of its stretch; they are adjusted and stored after it.
  void for_each_stored_group(const Body& body);
  // After for_each_stored_group: 16 bytes for each group from there to the end of the tile.
  void store_padding(const Xbyak::Xmm& bytes);

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
  void store_four_groups();
  void store_one_group();
  void advance_row();
  Advance advance_tile();

  // r14 and r15 stay free.
  const Reg tile_ = rbx;        // where the next group goes
  const Reg tile_row_ = r12;    // where the row begins
  const Reg panel_skip_ = r13;  // from behind the last row of a panel of 16 rows to the next panel
  std::vector<Group> results_;
  Vec temporary_;
};

}  // namespace bertq::jit
