// What the generators of the row-wise kernels share: loops over rows and columns whose numbers are
// known only when the kernel runs, and the reduction of a row to one number.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <vector>

#include "jit/emitter.h"

namespace bertq::jit {

class RowEmitter : public Emitter {
 public:
  using Emitter::Emitter;

 protected:
  using Group = std::vector<Vec>;  // 16 lanes: one zmm, or two ymm

  // Consecutive groups of a row, beginning at `column`. The row ends within a `partial` one.
  struct Stretch {
    int groups;
    bool partial;
  };
  using Body = std::function<void(const Stretch&)>;
  using Advance = std::function<void(int groups)>;  // moves pointers past so many groups

  // Where a kernel finds the shape of its matrix, as offsets into its arguments.
  struct Shape {
    std::size_t matrix, ld, rows, columns;
  };

  // Registers with a fixed meaning between begin() and end(). rbx and r12 to r15 are free for each
  // kernel.
  const Reg column = rax;     // the first of the current group
  const Reg scratch = rcx;    // overwritten by loops
  const Reg columns = rdx;    // of a row
  const Reg tail_mask = rsi;  // points to 16 lanes: ones, for a partial group's columns, then zeros
  const Reg x = r8;           // the current row
  const Reg ld = r9;          // in bytes
  const Reg row = r10;        // its number
  const Reg rows = r11;

  // Vector registers, each handed out once; throws std::logic_error when none is left.
  Vec take();
  Group take_group();
  std::vector<Vec> take(int count);
  std::vector<Group> take_groups(int count);

  void begin(const Shape& shape);
  void end();

  Address argument(std::size_t offset) const { return ptr[args + offset]; }
  // A field of the arguments that points to one 32-bit value a row: that of the current row.
  // Overwrites scratch.
  Address of_row(std::size_t offset);
  // Half a group: `group` counts from `column`.
  Address f32(const Reg& of, int group, int half) const {
    return at(of + column * 4, (group * halves() + half) * vector_bytes());
  }

  void step(const Reg& reg, int by) { add(reg, static_cast<std::uint32_t>(by)); }
  // While at least `block` rows are left: body, and on to the rows behind.
  void for_each_row(int block, const std::function<void()>& body);
  // All columns of a row: stretches of four groups, then of one.
  void for_each_group(const Body& body, const Advance& advance = {});
  // After for_each_group: the groups from the end of the row to the end of its tile of so many
  // columns, a power of two.
  void for_each_padding_group(int columns_of_tile, const std::function<void()>& body,
                              const Advance& advance = {});

  // Zeros in the lanes of half a partial group that are beyond the columns.
  void clear_padding(const Vec& v, int half) { vandps(v, v, at(tail_mask, half * vector_bytes())); }
  // `value` in these lanes.
  void replace_padding(const Vec& v, int half, float value, const Vec& temporary);

  // x op= y
  using Combine = std::function<void(const Vec& x, const Vec& y)>;
  // The 16 lanes to the first 4, lane i taking lane i + 8, then i + 4. For 256 bits also 8 lanes.
  Xbyak::Xmm reduce_to_four(const Group& group, const Vec& temporary, const Combine& combine);
  // And to the first one: i + 2, then i + 1.
  Xbyak::Xmm reduce(const Group& group, const Vec& temporary, const Combine& combine);

  // The same for four rows at once: their results in order.
  Xbyak::Xmm reduce_four_rows(const std::vector<Group>& groups, const Vec& temporary,
                              const Combine& combine);

  // scale = range / steps and inverse = steps / range, or zeros below the smallest range. For
  // vectors of any width; `steps` is one number in memory. Overwrites range.
  void scale_of_range(const Vec& range, const Address& steps, const Vec& scale, const Vec& inverse);

  static Xbyak::Xmm first_four(const Vec& v) { return Xbyak::Xmm(v.getIdx()); }
  // 16 lanes of ones, then 16 of zeros.
  Address tail_window();

 private:
  const std::array<Reg, 5> saved_ = {rbx, r12, r13, r14, r15};
  int taken_ = 0;
};

}  // namespace bertq::jit
