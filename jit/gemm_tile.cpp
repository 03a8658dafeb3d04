#include "jit/gemm_tile.h"

#include <cstddef>
#include <ranges>
#include <vector>

#include "jit/emitter.h"
#include "jit/gemm_block.h"
#include "jit/gemm_epilogue.h"
#include "jit/layout.h"

namespace bertq::jit {
namespace {

using Vec = Emitter::Vec;
using Reg = Emitter::Reg;
using Xbyak::Tmm;

class TileGemm {
 public:
  TileGemm(const GemmSpec& spec, const TileShape& block)
      : e_(Isa::amx), spec_(spec), panels_(block.panels), groups_(block.groups) {}

  CodeBlock generate(const std::string& name) {
    e_.prologue();
    const std::vector<Reg> saved = saved_registers();
    for (const Reg& reg : saved) e_.push(reg);
    e_.sub(e_.rsp, static_cast<std::uint32_t>(scratch_bytes()));
    e_.and_(e_.rsp, static_cast<std::uint32_t>(-64));  // prologue() kept the old one in rbp
    multiply();
    spill();
    finish();
    e_.lea(e_.rsp, e_.ptr[e_.rbp - saved.size() * 8]);
    for (const Reg& reg : saved | std::views::reverse) e_.pop(reg);
    e_.epilogue();
    return e_.finish(name + "." + std::to_string(panels_ * 16) + "x" +
                     std::to_string(groups_ * 16));
  }

 private:
  std::vector<Reg> saved_registers() const {
    std::vector<Reg> saved = GemmEpilogue::saved_registers(spec_);
    saved.insert(saved.end(), {rows_left_, rows_of_panel_, scratch_});
    return saved;
  }

  bool is_bf16() const { return spec_.operands == Operands::bf16; }
  Tmm c(int panel, int group) const { return Tmm(panel * 2 + group); }
  Tmm a(int panel) const { return Tmm(4 + panel); }
  Tmm b(int group) const { return Tmm(6 + group); }
  std::size_t scratch_row_bytes() const {
    return static_cast<std::size_t>(groups_) * lanes * sizeof(std::int32_t);
  }
  std::size_t scratch_bytes() const {
    return static_cast<std::size_t>(panels_) * tile_rows * scratch_row_bytes();
  }

  void multiply() {
    const auto load = [&](const Reg& to, std::size_t offset) {
      e_.mov(to, e_.ptr[e_.args + offset]);
    };
    load(a_panel_[0], offsetof(GemmBlock, a));
    load(b_panel_[0], offsetof(GemmBlock, b));
    load(depth_, offsetof(GemmBlock, depth));
    if (panels_ == 2) {
      load(a_panel_[1], offsetof(GemmBlock, a_stride));
      e_.add(a_panel_[1], a_panel_[0]);
    }
    if (groups_ == 2) {
      load(b_panel_[1], offsetof(GemmBlock, b_stride));
      e_.add(b_panel_[1], b_panel_[0]);
    }
    e_.mov(stride_, static_cast<std::uint32_t>(tile_depth));
    for (int p = 0; p < panels_; ++p) {
      for (int g = 0; g < groups_; ++g) e_.tilezero(c(p, g));
    }
    Xbyak::Label body;
    e_.align(32);
    e_.L(body);
    for (int g = 0; g < groups_; ++g) {
      e_.tileloadd(b(g), e_.ptr[b_panel_[static_cast<std::size_t>(g)] + stride_]);
      e_.add(b_panel_[static_cast<std::size_t>(g)], static_cast<std::uint32_t>(tile_bytes));
    }
    for (int p = 0; p < panels_; ++p) {
      e_.tileloadd(a(p), e_.ptr[a_panel_[static_cast<std::size_t>(p)] + stride_]);
      e_.add(a_panel_[static_cast<std::size_t>(p)], static_cast<std::uint32_t>(tile_bytes));
      for (int g = 0; g < groups_; ++g) multiply_add(c(p, g), a(p), b(g));
    }
    e_.sub(depth_, 1);
    e_.jnz(body);
  }

  void multiply_add(const Tmm& to, const Tmm& a_tile, const Tmm& b_tile) {
    if (is_bf16()) {
      e_.tdpbf16ps(to, a_tile, b_tile);
    } else {
      e_.tdpbusd(to, a_tile, b_tile);
    }
  }

  // C to the stack, row after row, so that the epilogue finds a row's groups side by side.
  void spill() {
    e_.mov(stride_, static_cast<std::uint32_t>(scratch_row_bytes()));
    for (int p = 0; p < panels_; ++p) {
      for (int g = 0; g < groups_; ++g) {
        const auto offset =
            static_cast<int>(static_cast<std::size_t>(p) * tile_rows * scratch_row_bytes()) +
            g * 64;
        e_.tilestored(e_.at(e_.rsp + stride_, offset), c(p, g));
      }
    }
  }

  void finish() {
    const Temporaries temporaries = {e_.vec(4), e_.vec(5), e_.vec(6), e_.vec(7)};
    GemmEpilogue epilogue(e_, spec_, is_bf16(), temporaries);
    const std::vector<Vec> compensation = load_compensation();
    e_.mov(scratch_, e_.rsp);
    e_.mov(rows_left_, e_.ptr[e_.args + offsetof(GemmBlock, rows)]);
    epilogue.begin(groups_);
    for (int p = 0; p < panels_; ++p) {
      if (p > 0) epilogue.next_panel();
      finish_panel(epilogue, compensation);
    }
  }

  // One register a group; none of bf16.
  std::vector<Vec> load_compensation() {
    std::vector<Vec> compensation;
    if (is_bf16()) return compensation;
    e_.mov(scratch_, e_.ptr[e_.args + offsetof(GemmBlock, compensation)]);
    for (int g = 0; g < groups_; ++g) {
      compensation.push_back(e_.vec(8 + g));
      e_.load(compensation.back(), e_.at(scratch_, g * 64));
    }
    return compensation;
  }

  // min(rows left, 16) rows.
  void finish_panel(GemmEpilogue& epilogue, const std::vector<Vec>& compensation) {
    Xbyak::Label row, done;
    e_.mov(rows_of_panel_, static_cast<std::uint32_t>(tile_rows));
    e_.cmp(rows_left_, rows_of_panel_);
    e_.cmovb(rows_of_panel_, rows_left_);
    e_.sub(rows_left_, rows_of_panel_);
    e_.test(rows_of_panel_, rows_of_panel_);
    e_.jz(done);
    e_.L(row);
    std::vector<Vec> sums;
    for (int g = 0; g < groups_; ++g) {
      sums.push_back(e_.vec(g));
      e_.load(sums.back(), e_.at(scratch_, g * 64));
      if (is_bf16()) continue;
      e_.vpsubd(sums.back(), sums.back(), compensation[static_cast<std::size_t>(g)]);
    }
    epilogue.row(sums);
    e_.add(scratch_, static_cast<std::uint32_t>(scratch_row_bytes()));
    e_.sub(rows_of_panel_, 1);
    e_.jnz(row);
    e_.L(done);
  }

  Emitter e_;
  GemmSpec spec_;
  int panels_, groups_;

  // While multiplying.
  const std::array<Reg, 2> a_panel_ = {Xbyak::util::rax, Xbyak::util::r10};
  const std::array<Reg, 2> b_panel_ = {Xbyak::util::rsi, Xbyak::util::r11};
  const Reg stride_ = Xbyak::util::rcx;
  const Reg depth_ = Xbyak::util::r9;
  // While finishing, beside what GemmEpilogue owns.
  const Reg rows_left_ = Xbyak::util::rbx;
  const Reg rows_of_panel_ = Xbyak::util::r12;
  const Reg scratch_ = Xbyak::util::r13;
};

}  // namespace

CodeBlock generate_tile_gemm(const GemmSpec& spec, const TileShape& block,
                             const std::string& name) {
  return TileGemm(spec, block).generate(name);
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
