#include "jit/gemm_tile.h"

#include <array>
#include <cstddef>
#include <ranges>
#include <span>
#include <vector>

#include "jit/emitter.h"
#include "jit/gemm_block.h"
#include "jit/gemm_epilogue.h"
#include "jit/layout.h"
#include "jit/vector_math.h"

namespace bertq::jit {
namespace {

using Vec = Emitter::Vec;
using Reg = Emitter::Reg;
using Xbyak::Tmm;

class TileGemm {
 public:
  TileGemm(const GemmSpec& spec, const TileShape& block)
      : e_(Isa::amx),
        spec_(spec),
        panels_(block.panels),
        groups_(block.groups),
        epilogue_(e_, spec, is_bf16(), {e_.vec(2), e_.vec(3), e_.vec(4), e_.vec(5)},
                  column_places()) {}

  CodeBlock generate(const std::string& name) {
    open_frame();
    begin_products();
    begin_finishing();
    multiply();
    finish_rest();
    store_sums();
    close_frame();
    return e_.finish(name + "." + std::to_string(panels_ * 16) + "x" +
                     std::to_string(groups_ * 16));
  }

  CodeBlock generate_finish(const std::string& name) {
    multiplies_ = false;
    open_frame();
    begin_finishing();
    finish_rest();
    close_frame();
    return e_.finish(name + ".finish_x" + std::to_string(groups_ * 16));
  }

 private:
  bool is_bf16() const { return spec_.operands == Operands::bf16; }
  bool is_f32_output() const { return spec_.output == Output::f32; }
  Tmm c(int panel, int group) const { return Tmm(panel * 2 + group); }
  Tmm a(int panel) const { return Tmm(4 + panel); }
  Tmm b(int group) const { return Tmm(6 + group); }

  // The stack holds the column vectors of the block before, a line for each group, and where the
  // first panel of B ends.
  static constexpr std::size_t end_place = most_column_vectors * 2 * cache_line;
  int columns_bytes() const { return groups_ * line; }
  std::vector<Xbyak::RegExp> column_places() const {
    std::vector<Xbyak::RegExp> places;
    for (std::size_t i = 0; i < column_vectors(spec_).size(); ++i) {
      places.emplace_back(e_.rsp + i * static_cast<std::size_t>(columns_bytes()));
    }
    return places;
  }

  void open_frame() {
    e_.prologue();
    for (const Reg& reg : saved_registers_) e_.push(reg);
    e_.sub(e_.rsp, static_cast<std::uint32_t>(end_place + cache_line));
    e_.and_(e_.rsp, static_cast<std::uint32_t>(-line));  // prologue() kept the old one in rbp
  }

  void close_frame() {
    e_.lea(e_.rsp, e_.ptr[e_.rbp - saved_registers_.size() * 8]);
    for (const Reg& reg : saved_registers_ | std::views::reverse) e_.pop(reg);
    e_.epilogue();
  }

  void load(const Reg& to, std::size_t offset) { e_.mov(to, e_.ptr[e_.args + offset]); }

  void begin_products() {
    begin_sums();
    load(a_panel_[0], offsetof(GemmBlock, a));
    load(b_panel_[0], offsetof(GemmBlock, b));
    const Reg& end = lines_;
    load(end, offsetof(GemmBlock, depth));
    static_assert(tile_bytes == 1U << 10U);
    e_.shl(end, 10);
    e_.add(end, b_panel_[0]);
    e_.mov(e_.ptr[e_.rsp + end_place], end);
    load(ahead_, offsetof(GemmBlock, ahead));
    if (is_f32_output()) load(next_c_, offsetof(GemmBlock, c));
    if (panels_ == 2) {
      load(a_panel_[1], offsetof(GemmBlock, a_stride));
      e_.add(a_panel_[1], a_panel_[0]);
    }
    if (groups_ == 2) {
      load(b_panel_[1], offsetof(GemmBlock, b_stride));
      e_.add(b_panel_[1], b_panel_[0]);
    }
    e_.mov(stride_, static_cast<std::uint32_t>(tile_depth));
  }

  // Integer sums begin at minus the compensation: one row, read again and again with a stride of 0.
  void begin_sums() {
    if (!is_bf16()) {
      load(a_panel_[0], offsetof(GemmBlock, compensation));
      e_.xor_(stride_, stride_);
    }
    for (int p = 0; p < panels_; ++p) {
      for (int g = 0; g < groups_; ++g) {
        if (is_bf16()) {
          e_.tilezero(c(p, g));
        } else {
          e_.tileloadd(c(p, g), e_.at(a_panel_[0] + stride_, g * line));
        }
      }
    }
  }

  // Of the block before, if there is one: else no rows are left.
  void begin_finishing() {
    const Reg& previous = sums_;
    Xbyak::Label none;
    e_.xor_(rows_left_, rows_left_);
    load(previous, offsetof(GemmBlock, previous));
    e_.test(previous, previous);
    e_.jz(none);
    e_.keep_constants(activation_constants(spec_.activation), first_constant);
    copy_columns(previous);
    epilogue_.begin(previous, groups_);
    e_.mov(rows_left_, e_.ptr[previous + offsetof(GemmBlock, rows)]);
    e_.mov(sums_, e_.ptr[previous + offsetof(GemmBlock, sums)]);
    e_.L(none);
  }

  void copy_columns(const Reg& block) {
    const Reg& from = rows_left_;
    const Vec& x = e_.vec(0);
    int to = 0;
    for (const std::size_t vector : column_vectors(spec_)) {
      e_.mov(from, e_.ptr[block + vector]);
      for (int g = 0; g < groups_; ++g, to += line) {
        e_.load(x, e_.at(from, g * line));
        e_.vmovaps(e_.at(e_.rsp, to), x);
      }
    }
  }

  void multiply() {
    Xbyak::Label body;
    e_.align(32);
    e_.L(body);
    for (int g = 0; g < groups_; ++g) load_tile(b(g), b_panel_[static_cast<std::size_t>(g)]);
    for (int p = 0; p < panels_; ++p) {
      load_tile(a(p), a_panel_[static_cast<std::size_t>(p)]);
      for (int g = 0; g < groups_; ++g) multiply_add(c(p, g), a(p), b(g));
      finish_row_if_left();
    }
    prefetch_b();
    finish_row_if_left();
    e_.cmp(b_panel_[0], e_.ptr[e_.rsp + end_place]);
    e_.jb(body);
  }

  void load_tile(const Tmm& to, const Reg& from) {
    e_.tileloadd(to, e_.ptr[from + stride_]);
    e_.add(from, static_cast<std::uint32_t>(tile_bytes));
  }

  void multiply_add(const Tmm& to, const Tmm& a_tile, const Tmm& b_tile) {
    if (is_bf16()) {
      e_.tdpbf16ps(to, a_tile, b_tile);
    } else {
      e_.tdpbusd(to, a_tile, b_tile);
    }
  }

  void prefetch_b() {
    Xbyak::Label next_line;
    load(lines_, offsetof(GemmBlock, ahead_lines));
    e_.L(next_line);
    e_.prefetcht1(e_.ptr[ahead_]);
    e_.add(ahead_, line);
    e_.sub(lines_, 1);
    e_.jnz(next_line);
  }

  void finish_row_if_left() {
    Xbyak::Label none;
    e_.test(rows_left_, rows_left_);
    e_.jz(none);
    finish_row();
    e_.L(none);
  }

  void finish_rest() {
    Xbyak::Label row, done;
    e_.test(rows_left_, rows_left_);
    e_.jz(done);
    e_.L(row);
    finish_row();
    e_.jnz(row);
    e_.L(done);
  }

  // One row of the block before. Leaves the zero flag set after the last.
  void finish_row() {
    const std::array<Vec, 2> x = {e_.vec(0), e_.vec(1)};
    const auto row = std::span(x).first(static_cast<std::size_t>(groups_));
    for (int g = 0; g < groups_; ++g) {
      e_.load(row[static_cast<std::size_t>(g)], e_.at(sums_, g * line));
    }
    epilogue_.row(row);
    e_.add(sums_, static_cast<std::uint32_t>(tile_sums_row));
    if (!is_f32_output()) {
      Xbyak::Label same_panel;
      e_.test(sums_.cvt32(), static_cast<std::uint32_t>(tile_sums_panel - 1));
      e_.jnz(same_panel);
      epilogue_.next_panel();
      e_.L(same_panel);
    } else if (multiplies_) {
      prefetch_c();
    }
    e_.sub(rows_left_, 1);
  }

  // The row that the present block will write: as its C or as a residual, it may be far away.
  void prefetch_c() {
    for (int g = 0; g < groups_; ++g) e_.prefetcht0(e_.at(next_c_, g * line));
    e_.add(next_c_, e_.ptr[e_.args + offsetof(GemmBlock, c_stride)]);
  }

  void store_sums() {
    load(sums_, offsetof(GemmBlock, sums));
    e_.mov(stride_, static_cast<std::uint32_t>(tile_sums_row));
    for (int p = 0; p < panels_; ++p) {
      for (int g = 0; g < groups_; ++g) {
        e_.tilestored(e_.at(sums_ + stride_, p * static_cast<int>(tile_sums_panel) + g * line),
                      c(p, g));
      }
    }
  }

  static constexpr int line = static_cast<int>(cache_line);
  static constexpr int first_constant = 8;

  Emitter e_;
  GemmSpec spec_;
  int panels_, groups_;
  bool multiplies_ = true;
  GemmEpilogue epilogue_;

  // Beside what GemmEpilogue owns: rax, rsi, rdx and, of tiles, r8.
  const std::array<Reg, 2> a_panel_ = {Xbyak::util::r9, Xbyak::util::r10};
  const std::array<Reg, 2> b_panel_ = {Xbyak::util::rcx, Xbyak::util::r11};
  const Reg stride_ = Xbyak::util::rbx;
  const Reg lines_ = Xbyak::util::r12;
  const Reg ahead_ = Xbyak::util::r13;
  const Reg sums_ = Xbyak::util::r14;
  const Reg rows_left_ = Xbyak::util::r15;
  const Reg next_c_ = Xbyak::util::r8;  // f32 output
  const std::array<Reg, 5> saved_registers_ = {stride_, lines_, ahead_, sums_, rows_left_};
};

}  // namespace

CodeBlock generate_tile_gemm(const GemmSpec& spec, const TileShape& block,
                             const std::string& name) {
  return TileGemm(spec, block).generate(name);
}

CodeBlock generate_tile_finish(const GemmSpec& spec, int groups, const std::string& name) {
  return TileGemm(spec, {.panels = 2, .groups = groups}).generate_finish(name);
}

const std::array<std::uint8_t, 64>& tile_configuration() {
  // Intel SDM, LDTILECFG: palette at byte 0, bytes a row of tile i at 16 + 2i, rows at 48 + i.
  static const auto configuration = [] {
    std::array<std::uint8_t, 64> c{};
    c[0] = 1;
    for (std::size_t tile = 0; tile < 8; ++tile) {
      c[16 + 2 * tile] = static_cast<std::uint8_t>(tile_depth);
      c[48 + tile] = static_cast<std::uint8_t>(tile_rows);
    }
    return c;
  }();
  return configuration;
}

}  // namespace bertq::jit
