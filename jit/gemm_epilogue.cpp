#include "jit/gemm_epilogue.h"

#include <cstddef>

#include "jit/bf16_emitter.h"
#include "jit/layout.h"

namespace bertq::jit {
namespace {

using Vec = Emitter::Vec;

}  // namespace

std::vector<Emitter::Reg> GemmEpilogue::saved_registers(const GemmSpec& spec) {
  if (spec.output != Output::u8_tiles) return {};
  return {Xbyak::util::r14, Xbyak::util::r15};
}

void GemmEpilogue::begin(int groups) {
  groups_ = groups;
  const auto load = [&](const Emitter::Reg& to, std::size_t offset) {
    e_.mov(to, e_.ptr[e_.args + offset]);
  };
  if (spec_.row_scale) load(row_scale_, offsetof(GemmBlock, row_scale));
  if (spec_.column_scale) load(column_scale_, offsetof(GemmBlock, column_scale));
  if (spec_.bias) load(bias_, offsetof(GemmBlock, bias));
  if (spec_.residual) {
    load(residual_, offsetof(GemmBlock, residual));
    load(residual_stride_, offsetof(GemmBlock, residual_stride));
  }
  load(c_[0], offsetof(GemmBlock, c));
  if (spec_.output == Output::f32) {
    load(c_[1], offsetof(GemmBlock, c_stride));
  } else {
    for (std::size_t g = 1; g < static_cast<std::size_t>(groups); ++g) {
      load(c_[g], offsetof(GemmBlock, c) + g * sizeof(void*));
    }
  }
  if (spec_.output == Output::u8_tiles) {
    load(output_multiplier_, offsetof(GemmBlock, output_multiplier));
    load(output_offset_, offsetof(GemmBlock, output_offset));
  }
}

void GemmEpilogue::row(std::span<const Vec> sums) {
  for (std::size_t v = 0; v < sums.size(); ++v) finish(sums[v], static_cast<int>(v));
  if (spec_.output == Output::f32) {
    for (std::size_t v = 0; v < sums.size(); ++v) store_f32(sums[v], static_cast<int>(v));
    e_.add(c_[0], c_[1]);
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
  if (spec_.residual) e_.add(residual_, residual_stride_);
}

void GemmEpilogue::next_panel() {
  if (spec_.output == Output::f32) return;
  for (std::size_t g = 0; g < static_cast<std::size_t>(groups_); ++g) {
    e_.add(c_[g], e_.ptr[e_.args + offsetof(GemmBlock, c_panel_stride)]);
    e_.sub(c_[g], static_cast<std::uint32_t>(tile_bytes));
  }
}

void GemmEpilogue::finish(const Vec& x, int index) {
  const int offset = index * e_.vector_bytes();
  if (spec_.operands == Operands::u8s8) e_.vcvtdq2ps(x, x);
  if (spec_.row_scale) {
    e_.vbroadcastss(t_[0], e_.ptr[row_scale_]);
    e_.vmulps(x, x, t_[0]);
  }
  if (spec_.column_scale && spec_.bias) {
    e_.load(t_[0], e_.at(column_scale_, offset));
    e_.vfmadd213ps(x, t_[0], e_.at(bias_, offset));
  } else if (spec_.column_scale) {
    e_.vmulps(x, x, e_.at(column_scale_, offset));
  } else if (spec_.bias) {
    e_.vaddps(x, x, e_.at(bias_, offset));
  }
  emit_activation(e_, spec_.activation, x, t_);
  if (spec_.residual) e_.vaddps(x, x, e_.at(residual_, offset));
}

void GemmEpilogue::store_f32(const Vec& x, int index) {
  e_.vmovups(e_.at(c_[0], index * e_.vector_bytes()), x);
}

void GemmEpilogue::store_u8(std::span<const Vec> group, int index) {
  const Vec &lowest = t_[1], &highest = t_[2];
  e_.zero(lowest);
  e_.load(highest, e_.constant(255.0F));
  int offset = index * static_cast<int>(lanes * sizeof(float));
  for (const Vec& x : group) {
    e_.load(t_[0], e_.at(output_multiplier_, offset));
    e_.vfmadd213ps(x, t_[0], e_.at(output_offset_, offset));
    e_.vmaxps(x, lowest, x);
    e_.vminps(x, highest, x);
    e_.vcvtps2dq(x, x);
    offset += e_.vector_bytes();
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
