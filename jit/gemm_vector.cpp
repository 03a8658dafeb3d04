#include "jit/gemm_vector.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <ranges>
#include <span>
#include <stdexcept>
#include <vector>

#include "jit/emitter.h"
#include "jit/gemm_block.h"
#include "jit/gemm_epilogue.h"
#include "jit/layout.h"

namespace bertq::jit {
namespace {

using Vec = Emitter::Vec;
using Reg = Emitter::Reg;

// How the inner step multiplies.
enum class Dot {
  fma,       // one f32
  vnni,      // four u8 x s8 into an int32, one instruction
  two_madd,  // the same from 16-bit halves: exact, where vpmaddubsw would saturate
  bf16,      // two bf16 into an f32, one instruction
  widened,   // the same as two f32, one after the other
};

Dot dot_of(Isa isa, bool fast_bf16, Operands operands) {
  if (operands == Operands::f32) return Dot::fma;
  if (operands == Operands::bf16) return fast_bf16 ? Dot::bf16 : Dot::widened;
  const bool vnni = isa == Isa::avx_vnni || isa == Isa::avx512_vnni || isa == Isa::amx;
  return vnni ? Dot::vnni : Dot::two_madd;
}

// Hands out registers once each and fails loudly, in all builds, when they run out.
class RegisterPool {
 public:
  explicit RegisterPool(Emitter& e) : e_(e) {}
  Vec take() {
    if (next_ == e_.registers()) throw std::logic_error("GEMM block does not fit the registers");
    return e_.vec(next_++);
  }
  std::vector<Vec> take(int count) {
    std::vector<Vec> taken;
    for (int i = 0; i < count; ++i) taken.push_back(take());
    return taken;
  }
  void rewind_to(const Vec& first_free) { next_ = first_free.getIdx(); }

 private:
  Emitter& e_;
  int next_ = 0;
};

class VectorGemm {
 public:
  VectorGemm(Isa isa, bool fast_bf16, const GemmSpec& spec, const BlockShape& block)
      : e_(isa),
        spec_(spec),
        fast_bf16_(fast_bf16),
        rows_(block.rows),
        groups_(block.groups),
        vectors_(block.groups * e_.halves()),
        dot_(dot_of(isa, fast_bf16, spec.operands)),
        pool_(e_),
        sums_(pool_.take(rows_ * vectors_)),
        b_(pool_.take(vectors_)),
        a_(pool_.take()) {
    if (dot_ == Dot::two_madd) {
      b_high_ = pool_.take(vectors_);
      a_high_ = pool_.take();
      product_ = pool_.take();
    }
  }

  CodeBlock generate(const std::string& name) {
    e_.prologue();
    e_.push(lines_);
    prefetch_c();
    load_pointers();
    clear_sums();
    e_.mov(ahead_, e_.ptr[e_.args + offsetof(GemmBlock, ahead)]);
    if (spec_.operands == Operands::f32) {
      f32_loop();
    } else {
      tile_loop();
    }
    finish();
    e_.pop(lines_);
    e_.epilogue();
    return e_.finish(name + "." + std::to_string(rows_) + "x" +
                     std::to_string(groups_ * static_cast<int>(lanes)));
  }

 private:
  const Vec& sum(int row, int vector) const {
    return sums_[static_cast<std::size_t>(row * vectors_ + vector)];
  }

  void load_pointers() {
    const auto load = [&](const Reg& to, std::size_t offset) {
      e_.mov(to, e_.ptr[e_.args + offset]);
    };
    load(a_low_rows_, offsetof(GemmBlock, a));
    load(b_panel_, offsetof(GemmBlock, b));
    load(b_stride_, offsetof(GemmBlock, b_stride));
    load(depth_, offsetof(GemmBlock, depth));
    if (spec_.operands == Operands::f32) {
      load(a_stride_, offsetof(GemmBlock, a_stride));
      e_.lea(a_stride3_, e_.ptr[a_stride_ + a_stride_ * 2]);
      e_.lea(a_high_rows_, e_.ptr[a_low_rows_ + a_stride_ * 4]);
    }
  }

  // Rows of f32 are the larger part of what a layer writes, and the residual that is added to them
  // lies there too, but not in a near cache when many rows are in flight.
  void prefetch_c() {
    if (spec_.output != Output::f32) return;
    const Reg &row = compensation_, &stride = a_high_rows_;
    e_.mov(row, e_.ptr[e_.args + offsetof(GemmBlock, c)]);
    e_.mov(stride, e_.ptr[e_.args + offsetof(GemmBlock, c_stride)]);
    for (int r = 0; r < rows_; ++r) {
      for (int g = 0; g < groups_; ++g) e_.prefetcht0(e_.at(row, g * line));
      if (r + 1 < rows_) e_.add(row, stride);
    }
  }

  // In each turn of the loop: a part of what the next columns need of B.
  void prefetch_b() {
    Xbyak::Label next_line;
    e_.mov(lines_, e_.ptr[e_.args + offsetof(GemmBlock, ahead_lines)]);
    e_.L(next_line);
    e_.prefetcht0(e_.ptr[ahead_]);
    e_.add(ahead_, line);
    e_.sub(lines_, 1);
    e_.jnz(next_line);
  }

  // Integer sums begin at minus the compensation, so that nothing is left to subtract.
  void clear_sums() {
    if (spec_.operands != Operands::u8s8) {
      for (const Vec& x : sums_) e_.zero(x);
      return;
    }
    e_.mov(compensation_, e_.ptr[e_.args + offsetof(GemmBlock, compensation)]);
    for (int v = 0; v < vectors_; ++v) {
      e_.zero(sum(0, v));
      e_.vpsubd(sum(0, v), sum(0, v), e_.at(compensation_, v * e_.vector_bytes()));
      for (int r = 1; r < rows_; ++r) e_.vmovaps(sum(r, v), sum(0, v));
    }
  }

  // One step of depth: a row of B against one value (or two, or four) of each row of A.
  void step(int b_offset, const std::vector<Emitter::Address>& a) {
    multiply_all(b_offset, a);
    if (dot_ != Dot::widened) return;
    odd_ = true;
    multiply_all(b_offset, a);
    odd_ = false;
  }

  void multiply_all(int b_offset, const std::vector<Emitter::Address>& a) {
    for (int v = 0; v < vectors_; ++v) load_b(v, b_offset);
    for (int r = 0; r < rows_; ++r) {
      load_a(a[static_cast<std::size_t>(r)]);
      for (int v = 0; v < vectors_; ++v) multiply_add(sum(r, v), v);
    }
  }

  void load_b(int vector, int offset) {
    const int group = vector / e_.halves();
    const int within = offset + vector % e_.halves() * e_.vector_bytes();
    const auto v = static_cast<std::size_t>(vector);
    e_.load(b_[v],
            group == 0 ? e_.at(b_panel_, within) : e_.at(b_panel_ + b_stride_ * group, within));
    if (dot_ == Dot::two_madd) {  // odd bytes, then even bytes, as 16-bit numbers
      e_.vpsraw(b_high_[v], b_[v], 8);
      e_.vpsllw(b_[v], b_[v], 8);
      e_.vpsraw(b_[v], b_[v], 8);
    }
    if (dot_ == Dot::widened) widen(b_[v]);
  }

  // The even or the odd bf16 of each lane as f32.
  void widen(const Vec& x) {
    if (odd_) {
      e_.vandps(x, x, e_.constant_bits(0xffff0000U));
    } else {
      e_.vpslld(x, x, 16);
    }
  }

  void load_a(const Emitter::Address& address) {
    if (dot_ == Dot::fma) {
      e_.vbroadcastss(a_, address);
      return;
    }
    e_.vpbroadcastd(a_, address);
    if (dot_ == Dot::two_madd) {
      e_.vpsrlw(a_high_, a_, 8);
      e_.vandps(a_, a_, e_.constant_bits(0x00ff00ffU));
    }
    if (dot_ == Dot::widened) widen(a_);
  }

  void multiply_add(const Vec& to, int vector) {
    const auto v = static_cast<std::size_t>(vector);
    switch (dot_) {
      case Dot::fma:
      case Dot::widened:
        e_.vfmadd231ps(to, a_, b_[v]);
        break;
      case Dot::vnni:
        e_.vpdpbusd(to, a_, b_[v], e_.width() == 16 ? Xbyak::EvexEncoding : Xbyak::VexEncoding);
        break;
      case Dot::two_madd:
        e_.vpmaddwd(product_, a_, b_[v]);
        e_.vpaddd(to, to, product_);
        e_.vpmaddwd(product_, a_high_, b_high_[v]);
        e_.vpaddd(to, to, product_);
        break;
      case Dot::bf16:
        e_.vdpbf16ps(to, a_, b_[v]);
        break;
    }
  }

  // Row r of an f32 A, `offset` bytes along.
  Emitter::Address f32_row(int row, int offset) const {
    const Reg& base = row < 4 ? a_low_rows_ : a_high_rows_;
    switch (row % 4) {
      case 0:
        return e_.at(base, offset);
      case 1:
        return e_.at(base + a_stride_, offset);
      case 2:
        return e_.at(base + a_stride_ * 2, offset);
      default:
        return e_.at(base + a_stride3_, offset);
    }
  }

  void f32_steps(std::uint32_t count) {
    constexpr int b_row = static_cast<int>(lanes * sizeof(float));
    for (int i = 0; i < static_cast<int>(count); ++i) {
      std::vector<Emitter::Address> a;
      for (int r = 0; r < rows_; ++r) a.push_back(f32_row(r, i * static_cast<int>(sizeof(float))));
      step(i * b_row, a);
    }
    e_.add(a_low_rows_, count * std::uint32_t{sizeof(float)});
    if (rows_ > 4) e_.add(a_high_rows_, count * std::uint32_t{sizeof(float)});
    e_.add(b_panel_, count * std::uint32_t{b_row});
    e_.sub(depth_, count);
  }

  void f32_loop() {
    constexpr std::uint32_t unrolled = f32_turn;
    Xbyak::Label body, rest, done;
    e_.cmp(depth_, unrolled);
    e_.jb(rest);
    e_.align(32);
    e_.L(body);
    prefetch_b();
    f32_steps(unrolled);
    e_.cmp(depth_, unrolled);
    e_.jae(body);
    e_.L(rest);
    e_.test(depth_, depth_);
    e_.jz(done);
    f32_steps(1);
    e_.jmp(rest);
    e_.L(done);
  }

  // One tile a turn: 16 steps of four bytes.
  void tile_loop() {
    constexpr int b_row = static_cast<int>(lanes * depth_group);
    constexpr int steps = static_cast<int>(tile_depth / depth_group);
    Xbyak::Label body;
    e_.align(32);
    e_.L(body);
    for (int i = 0; i < steps; ++i) {
      std::vector<Emitter::Address> a;
      for (int r = 0; r < rows_; ++r) {
        a.push_back(e_.at(a_low_rows_,
                          r * static_cast<int>(tile_depth) + i * static_cast<int>(depth_group)));
      }
      step(i * b_row, a);
    }
    prefetch_b();
    e_.add(a_low_rows_, static_cast<std::uint32_t>(tile_bytes));
    e_.add(b_panel_, steps * b_row);
    e_.sub(depth_, 1);
    e_.jnz(body);
  }

  void finish() {
    pool_.rewind_to(b_[0]);  // the operands are not needed any more
    const Temporaries temporaries = {pool_.take(), pool_.take(), pool_.take(), pool_.take()};
    const std::vector<std::size_t> columns = column_vectors(spec_);
    const auto pointers = std::span(column_pointers_).first(columns.size());
    const auto saved = pointers.subspan(std::min(pointers.size(), unsaved_column_pointers));
    for (const Reg& reg : saved) e_.push(reg);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      e_.mov(pointers[i], e_.ptr[e_.args + columns[i]]);
    }
    GemmEpilogue epilogue(e_, spec_, fast_bf16_, temporaries,
                          std::vector<Xbyak::RegExp>(pointers.begin(), pointers.end()));
    epilogue.begin(e_.args, groups_);
    for (int r = 0; r < rows_; ++r) {
      epilogue.row({&sum(r, 0), static_cast<std::size_t>(vectors_)});
    }
    for (const Reg& reg : saved | std::views::reverse) e_.pop(reg);
  }

  Emitter e_;
  GemmSpec spec_;
  bool fast_bf16_;
  int rows_, groups_, vectors_;
  Dot dot_;
  bool odd_ = false;  // widened: which of two numbers is being multiplied
  RegisterPool pool_;
  std::vector<Vec> sums_, b_;
  Vec a_;
  std::vector<Vec> b_high_;
  Vec a_high_, product_;

  static constexpr int line = static_cast<int>(cache_line);

  // Rows 0..3 and 4..7 of A; tiles need only the first.
  const Reg a_low_rows_ = Xbyak::util::rax;
  const Reg a_high_rows_ = Xbyak::util::r10;
  const Reg a_stride_ = Xbyak::util::rcx;
  const Reg a_stride3_ = Xbyak::util::rdx;
  const Reg b_panel_ = Xbyak::util::rsi;
  const Reg b_stride_ = Xbyak::util::r8;
  const Reg depth_ = Xbyak::util::r9;
  const Reg compensation_ = Xbyak::util::r11;
  const Reg ahead_ = compensation_;  // which the sums have taken up by then
  const Reg lines_ = Xbyak::util::rbx;
  // While finishing, beside what GemmEpilogue owns; the System V ABI wants the last two saved.
  const std::array<Reg, most_column_vectors> column_pointers_ = {
      Xbyak::util::r10, Xbyak::util::rcx, Xbyak::util::r14, Xbyak::util::r15};
  static constexpr std::size_t unsaved_column_pointers = 2;
};

}  // namespace

BlockShape vector_block_shape(Isa isa, Operands operands) {
  const bool wide = has_zmm(isa);
  if (dot_of(isa, false, operands) == Dot::two_madd) {
    return wide ? BlockShape{.rows = 8, .groups = 2} : BlockShape{.rows = 4, .groups = 1};
  }
  return wide ? BlockShape{.rows = 8, .groups = 3} : BlockShape{.rows = 6, .groups = 1};
}

CodeBlock generate_vector_gemm(Isa isa, bool fast_bf16, const GemmSpec& spec,
                               const BlockShape& block, const std::string& name) {
  return VectorGemm(isa, fast_bf16, spec, block).generate(name);
}

}  // namespace bertq::jit
