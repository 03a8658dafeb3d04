#include "jit/row_emitter.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "jit/math_constants.h"

namespace bertq::jit {
namespace {

constexpr int groups_of_tile = static_cast<int>(tile_depth / lanes);

}  // namespace

RowEmitter::Vec RowEmitter::take() {
  if (taken_ == registers()) throw std::logic_error("row kernel does not fit the registers");
  return vec(taken_++);
}

std::vector<RowEmitter::Vec> RowEmitter::take(int count) {
  std::vector<Vec> taken;
  for (int i = 0; i < count; ++i) taken.push_back(take());
  return taken;
}

RowEmitter::Group RowEmitter::take_group() {
  return take(halves());
}

std::vector<RowEmitter::Group> RowEmitter::take_groups(int count) {
  std::vector<Group> taken;
  for (int i = 0; i < count; ++i) taken.push_back(take_group());
  return taken;
}

RowEmitter::Address RowEmitter::tail_window() {
  std::vector<std::uint32_t> window(2 * lanes);
  std::fill_n(window.begin(), lanes, ~std::uint32_t{0});
  return table(window);
}

void RowEmitter::begin(const Shape& shape) {
  prologue();
  for (const Reg& reg : saved_) push(reg);
  mov(x, argument(shape.matrix));
  mov(ld, argument(shape.ld));
  shl(ld, 2);
  mov(rows, argument(shape.rows));
  mov(columns, argument(shape.columns));
  xor_(row, row);
  // The window slides so that as many ones are left as the last group has columns.
  lea(tail_mask, tail_window());
  mov(scratch, columns);
  neg(scratch);
  and_(scratch, static_cast<std::uint32_t>(lanes - 1));
  lea(tail_mask, ptr[tail_mask + scratch * 4]);
}

void RowEmitter::end() {
  for (auto reg = saved_.rbegin(); reg != saved_.rend(); ++reg) pop(*reg);
  epilogue();
}

RowEmitter::Address RowEmitter::of_row(std::size_t offset) {
  mov(scratch, argument(offset));
  return ptr[scratch + row * 4];
}

void RowEmitter::for_each_row(int block, const std::function<void()>& body) {
  Xbyak::Label again, done;
  L(again);
  lea(scratch, at(row, block));
  cmp(scratch, rows);
  ja(done);
  body();
  step(row, block);
  for (int i = 0; i < block; ++i) add(x, ld);
  jmp(again);
  L(done);
}

void RowEmitter::for_each_group(const Body& body, const Advance& advance) {
  const auto stretch = [&](int groups, bool partial) {
    body({groups, partial});
    step(column, groups * static_cast<int>(lanes));
    if (advance) advance(groups);
  };
  const auto compare_end_of = [&](int groups) {
    lea(scratch, at(column, groups * static_cast<int>(lanes)));
    cmp(scratch, columns);
  };
  Xbyak::Label tiles, singles, partial, done;
  xor_(column, column);
  compare_end_of(groups_of_tile);
  ja(singles);
  align(32);
  L(tiles);
  stretch(groups_of_tile, false);
  compare_end_of(groups_of_tile);
  jbe(tiles);
  L(singles);
  compare_end_of(1);
  ja(partial);
  stretch(1, false);
  jmp(singles);
  L(partial);
  cmp(column, columns);
  jae(done);
  stretch(1, true);
  L(done);
}

void RowEmitter::for_each_padding_group(int columns_of_tile, const std::function<void()>& body,
                                        const Advance& advance) {
  Xbyak::Label again, done;
  L(again);
  test(column, static_cast<std::uint32_t>(columns_of_tile - 1));
  jz(done);
  body();
  step(column, static_cast<int>(lanes));
  if (advance) advance(1);
  jmp(again);
  L(done);
}

void RowEmitter::replace_padding(const Vec& v, int half, float value, const Vec& temporary) {
  load(temporary, at(tail_mask, half * vector_bytes()));
  vandps(v, v, temporary);
  vandnps(temporary, temporary, constant(value));
  vorps(v, v, temporary);
}

Xbyak::Xmm RowEmitter::reduce_to_four(const Group& group, const Vec& temporary,
                                      const Combine& combine) {
  const Xbyak::Ymm eight(group[0].getIdx()), t(temporary.getIdx());
  if (width() == 16) {
    vextractf64x4(t, Xbyak::Zmm(group[0].getIdx()), 1);
    combine(eight, t);
  } else if (group.size() == 2) {
    combine(eight, group[1]);
  }
  vextractf128(first_four(t), eight, 1);
  combine(first_four(eight), first_four(t));
  return first_four(eight);
}

Xbyak::Xmm RowEmitter::reduce(const Group& group, const Vec& temporary, const Combine& combine) {
  const Xbyak::Xmm four = reduce_to_four(group, temporary, combine);
  const Xbyak::Xmm t = first_four(temporary);
  vmovhlps(t, four, four);
  combine(four, t);
  vmovshdup(t, four);
  combine(four, t);
  return four;
}

Xbyak::Xmm RowEmitter::reduce_four_rows(const std::vector<Group>& groups, const Vec& temporary,
                                        const Combine& combine) {
  std::array<Xbyak::Xmm, 4> four;
  for (std::size_t r = 0; r < 4; ++r) four[r] = reduce_to_four(groups.at(r), temporary, combine);
  const Xbyak::Xmm t = first_four(temporary);
  const auto& [a, b, c, d] = four;
  for (const auto& [first, second] : {std::pair(a, b), std::pair(c, d)}) {
    vunpckhps(t, first, second);
    vunpcklps(first, first, second);
    combine(first, t);
  }
  vmovhlps(t, c, a);
  vmovlhps(a, a, c);
  combine(a, t);
  return a;
}

void RowEmitter::scale_of_range(const Vec& range, const Address& steps, const Vec& scale,
                                const Vec& inverse) {
  constexpr std::uint8_t not_less_than = 0x15;  // true for NaN, which must not become 0
  vbroadcastss(inverse, steps);
  if (range.isZMM()) {
    const Xbyak::Opmask in_range = k1;
    vcmpps(in_range, range, constant(math::smallest_range), not_less_than);
    vdivps(scale | in_range | T_z, range, inverse);
    vdivps(inverse | in_range | T_z, inverse, range);
  } else {
    vdivps(scale, range, inverse);
    vdivps(inverse, inverse, range);
    vcmpps(range, range, constant(math::smallest_range), not_less_than);
    vandps(scale, scale, range);
    vandps(inverse, inverse, range);
  }
}

}  // namespace bertq::jit
