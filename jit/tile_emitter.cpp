#include "jit/tile_emitter.h"

#include "jit/bf16_emitter.h"

namespace bertq::jit {
namespace {

constexpr int groups_at_once = 4;  // a tile of u8, two of bf16
constexpr int bf16_group_bytes = static_cast<int>(lanes * bf16_bytes);

// Packing works within 128-bit quarters and leaves the four bytes of columns 4q..4q+3 of group g
// in another place: which of the packed dwords comes first, second, ... in memory.
std::vector<std::uint32_t> order_of_packed(int width) {
  if (width == 16) return {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
  return {0, 4, 1, 5, 2, 6, 3, 7, 0, 4, 1, 5, 2, 6, 3, 7};
}

}  // namespace

TileEmitter::TileEmitter(Isa isa, Elements elements, bool native_bf16)
    : RowEmitter(isa),
      elements_(elements),
      native_bf16_(native_bf16),
      results_(take_groups(groups_at_once)),
      temporary_(take()) {}

int TileEmitter::columns_of_tile() const {
  return static_cast<int>(is_bf16() ? bf16_tile_depth : tile_depth);
}

void TileEmitter::begin_tiles(std::size_t tiles_argument) {
  mov(tile_row_, argument(tiles_argument));
  // The row behind the last of a panel would be tile_bytes behind the first; the panel is as many
  // tiles long as a row has.
  lea(panel_skip_, at(columns, columns_of_tile() - 1));
  shr(panel_skip_, is_bf16() ? 5 : 6);
  sub(panel_skip_, 1);
  shl(panel_skip_, 10);
  static_assert(bf16_tile_depth == 1 << 5 && tile_depth == 1 << 6 && tile_bytes == 1 << 10);
}

void TileEmitter::for_each_tile_row(const std::function<void()>& body) {
  for_each_row(1, [&] {
    body();
    advance_row();
  });
}

void TileEmitter::advance_row() {
  Xbyak::Label same_panel;
  add(tile_row_, static_cast<std::uint32_t>(tile_depth));
  lea(scratch, at(row, 1));
  test(scratch, static_cast<std::uint32_t>(tile_rows - 1));
  jnz(same_panel);
  add(tile_row_, panel_skip_);
  L(same_panel);
}

RowEmitter::Advance TileEmitter::advance_tile() {
  return [this](int groups) {
    if (!is_bf16()) {
      add(tile_, static_cast<std::uint32_t>(groups == groups_at_once ? tile_bytes : lanes));
      return;
    }
    if (groups == groups_at_once) {
      add(tile_, static_cast<std::uint32_t>(2 * tile_bytes));
      return;
    }
    // Single groups run over the end of a tile.
    Xbyak::Label same_tile;
    add(tile_, static_cast<std::uint32_t>(bf16_group_bytes));
    test(column, static_cast<std::uint32_t>(bf16_tile_depth - 1));
    jnz(same_tile);
    add(tile_, static_cast<std::uint32_t>(tile_bytes - tile_depth));
    L(same_tile);
  };
}

void TileEmitter::for_each_stored_group(const Body& body) {
  mov(tile_, tile_row_);
  for_each_group(
      [&](const Stretch& stretch) {
        body(stretch);
        if (is_bf16()) {
          store_bf16_groups(stretch.groups);
        } else if (stretch.groups == groups_at_once) {
          store_four_groups();
        } else {
          store_one_group();
        }
      },
      advance_tile());
}

void TileEmitter::store_padding(const Vec& bytes) {
  const auto store = [&] {
    if (is_bf16()) {
      vmovups(ptr[tile_], Xbyak::Ymm(bytes.getIdx()));
    } else {
      vmovdqu(ptr[tile_], first_four(bytes));
    }
  };
  for_each_padding_group(columns_of_tile(), store, advance_tile());
}

void TileEmitter::store_bf16_groups(int count) {
  for (int g = 0; g < count; ++g) {
    const int offset = g / 2 * static_cast<int>(tile_bytes) + g % 2 * bf16_group_bytes;
    emit_store_bf16(*this, native_bf16_, at(tile_, offset), result(g), temporary_);
  }
}

void TileEmitter::store_one_group() {
  for (const Vec& v : results_[0]) adjust_integers(v);
  store_low_bytes(ptr[tile_], results_[0], temporary_);
}

// Much cheaper than four times a single group.
void TileEmitter::store_four_groups() {
  const auto& g = results_;
  const Vec& order = temporary_;
  load(order, table(order_of_packed(width())));
  if (width() == 16) {
    vpackssdw(g[0][0], g[0][0], g[1][0]);
    vpackssdw(g[2][0], g[2][0], g[3][0]);
    adjust_words(g[0][0]);
    adjust_words(g[2][0]);
    vpackuswb(g[0][0], g[0][0], g[2][0]);
    vpermd(Xbyak::Zmm(g[0][0].getIdx()), Xbyak::Zmm(order.getIdx()), g[0][0]);
    vmovups(ptr[tile_], g[0][0]);
    return;
  }
  for (std::size_t pair = 0; pair < 4; pair += 2) {
    const Vec& first = g[pair][0];
    const Vec& second = g[pair + 1][0];
    vpackssdw(first, first, g[pair][1]);
    vpackssdw(second, second, g[pair + 1][1]);
    adjust_words(first);
    adjust_words(second);
    vpackuswb(first, first, second);
    vpermd(Xbyak::Ymm(first.getIdx()), Xbyak::Ymm(order.getIdx()), first);
    vmovups(at(tile_, static_cast<int>(pair * lanes)), first);
  }
}

}  // namespace bertq::jit
