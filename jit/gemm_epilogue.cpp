#include "jit/gemm_epilogue.h"

#include <cstddef>

#include "jit/bf16_emitter.h"
#include "jit/layout.h"

namespace bertq::jit {
namespace {

using Vec = Emitter::Vec;

}  // namespace

std::vector<std::size_t> column_vectors(const GemmSpec& spec) {
  std::vector<std::size_t> offsets;
  if (spec.column_scale) offsets.push_back(offsetof(GemmBlock, column_scale));
  if (spec.bias) offsets.push_back(offsetof(GemmBlock, bias));
  if (spec.output == Output::u8_tiles) {
    offsets.push_back(offsetof(GemmBlock, output_multiplier));
    offsets.push_back(offsetof(GemmBlock, output_offset));
  }
  return offsets;
}

GemmEpilogue::GemmEpilogue(Emitter& e, const GemmSpec& spec, bool fast_bf16,
                           const Temporaries& temporaries, std::span<const Xbyak::RegExp> columns)
    : e_(e), spec_(spec), fast_bf16_(fast_bf16), t_(temporaries) {
  for (std::size_t i = 0; const std::size_t offset : column_vectors(spec)) {
    columns_.emplace(offset, columns[i++]);
  }
}

void GemmEpilogue::begin(const Emitter::Reg& block, int groups) {
  groups_ = groups;
  const auto load = [&](const Emitter::Reg& to, std::size_t offset) {
    e_.mov(to, e_.ptr[block + offset]);
  };
  if (spec_.row_scale) load(row_scale_, offsetof(GemmBlock, row_scale));
  if (spec_.residual) load(residual_, offsetof(GemmBlock, residual));
  const std::size_t pointers = spec_.output == Output::f32 ? 1 : static_cast<std::size_t>(groups);
  for (std::size_t i = 0; i < pointers; ++i) {
    load(c_[i], offsetof(GemmBlock, c) + i * sizeof(void*));
  }
}

void GemmEpilogue::add_field(const Emitter::Reg& to, std::size_t offset) {
  e_.add(to, e_.ptr[e_.args + offset]);
}

Emitter::Address GemmEpilogue::column(std::size_t offset, int index) const {
  return e_.at(columns_.at(offset), index * e_.vector_bytes());
}

void GemmEpilogue::row(std::span<const Vec> sums) {
  for (std::size_t v = 0; v < sums.size(); ++v) finish(sums[v], static_cast<int>(v));
  if (spec_.output == Output::f32) {
    for (std::size_t v = 0; v < sums.size(); ++v) store_f32(sums[v], static_cast<int>(v));
    add_field(c_[0], offsetof(GemmBlock, c_stride));
  } else {
    const auto halves = static_cast<std::size_t>(e_.halves());
    for (std::size_t g = 0; g < static_cast<std::size_t>(groups_); ++g) {
      const std::span<const Vec> group = sums.subspan(g * halves, halves);
      if (spec_.output == Output::u8_tiles) {
        store_u8(group, static_cast<int>(g));
      } else {
        store_bf16(group, static_cast<int>(g));
      }
      e_.add(c_[g], static_cast<std::uint32_t>(tile_depth));
    }
  }
  if (spec_.row_scale) e_.add(row_scale_, static_cast<std::uint32_t>(sizeof(float)));
  if (spec_.residual) add_field(residual_, offsetof(GemmBlock, residual_stride));
}

void GemmEpilogue::next_panel() {
  if (spec_.output == Output::f32) return;
  for (std::size_t g = 0; g < static_cast<std::size_t>(groups_); ++g) {
    add_field(c_[g], offsetof(GemmBlock, c_panel_stride));
    e_.sub(c_[g], static_cast<std::uint32_t>(tile_bytes));
  }
}

void GemmEpilogue::finish(const Vec& x, int index) {
  if (spec_.operands == Operands::u8s8) e_.vcvtdq2ps(x, x);
  if (spec_.row_scale) {
    e_.vbroadcastss(t_[0], e_.ptr[row_scale_]);
    e_.vmulps(x, x, t_[0]);
  }
  if (spec_.column_scale && spec_.bias) {
    e_.load(t_[0], column(offsetof(GemmBlock, column_scale), index));
    e_.vfmadd213ps(x, t_[0], column(offsetof(GemmBlock, bias), index));
  } else if (spec_.column_scale) {
    e_.vmulps(x, x, column(offsetof(GemmBlock, column_scale), index));
  } else if (spec_.bias) {
    e_.vaddps(x, x, column(offsetof(GemmBlock, bias), index));
  }
  emit_activation(e_, spec_.activation, x, t_);
  if (spec_.residual) e_.vaddps(x, x, e_.at(residual_, index * e_.vector_bytes()));
}

void GemmEpilogue::store_f32(const Vec& x, int index) {
  e_.vmovups(e_.at(c_[0], index * e_.vector_bytes()), x);
}

void GemmEpilogue::store_u8(std::span<const Vec> group, int index) {
  const Vec &lowest = t_[1], &highest = t_[2];
  e_.zero(lowest);
  e_.load(highest, e_.constant(255.0F));
  int vector = index * e_.halves();
  for (const Vec& x : group) {
    e_.load(t_[0], column(offsetof(GemmBlock, output_multiplier), vector));
    e_.vfmadd213ps(x, t_[0], column(offsetof(GemmBlock, output_offset), vector));
    e_.vmaxps(x, lowest, x);
    e_.vminps(x, highest, x);
    e_.vcvtps2dq(x, x);
    ++vector;
  }
  e_.store_low_bytes(e_.ptr[c_[static_cast<std::size_t>(index)]], group, t_[0]);
}

void GemmEpilogue::store_bf16(std::span<const Vec> group, int index) {
  if (!fast_bf16_) {
    for (const Vec& x : group) emit_round_to_bf16(e_, false, x, t_[0], t_[1]);
  }
  emit_store_bf16(e_, fast_bf16_, e_.ptr[c_[static_cast<std::size_t>(index)]], group, t_[0]);
}

}  // namespace bertq::jit
