// How the drivers in generated_gemm.cpp cut a product into blocks (gemm_block.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "jit/gemm.h"
#include "jit/gemm_block.h"
#include "jit/layout.h"

namespace bertq::jit {

// Where a product's operands lie, block by block: what a driver tells its kernels.
class BlockAddresses {
 public:
  BlockAddresses(const GemmSpec& spec, const GemmArgs& args) : spec_(spec), args_(args) {}

  // Strides and depth, the same for all blocks.
  GemmBlock common() const {
    GemmBlock block{};
    if (f32_operands()) {
      block.a_stride = args_.lda * sizeof(float);
      block.b_stride = args_.k * lanes * sizeof(float);
      block.depth = args_.k;
    } else {
      const std::size_t bytes = padded_depth(depth_bytes());
      block.a_stride = tile_rows * bytes;
      block.b_stride = lanes * bytes;
      block.depth = bytes / tile_depth;
    }
    block.residual_stride = args_.residual_ld * sizeof(float);
    if (spec_.output == Output::f32) {
      block.c_stride = args_.ldc * sizeof(float);
    } else {
      block.c_panel_stride = tile_rows * padded_depth(args_.ldc * c_bytes());
    }
    return block;
  }

  // The panels of B from column n on.
  const std::byte* panels(std::size_t n) const {
    const auto* b = static_cast<const std::byte*>(args_.b);
    if (f32_operands()) return b + packed_f32_offset(n, 0, args_.k) * sizeof(float);
    return b + packed_s8_offset(n, 0, depth_bytes());
  }

  void set_columns(GemmBlock& block, std::size_t n) const {
    block.b = panels(n);
    if (spec_.operands == Operands::u8s8) block.compensation = args_.compensation + n;
    if (spec_.column_scale) block.column_scale = args_.column_scale + n;
    if (spec_.bias) block.bias = args_.bias + n;
    if (spec_.output == Output::u8_tiles) {
      block.output_multiplier = args_.output_multiplier + n;
      block.output_offset = args_.output_offset + n;
    }
  }

  void set_rows(GemmBlock& block, std::size_t m, std::size_t n, std::size_t count,
                std::size_t groups) const {
    block.rows = count;
    if (f32_operands()) {
      block.a = static_cast<const float*>(args_.a) + m * args_.lda;
    } else {
      block.a = static_cast<const std::uint8_t*>(args_.a) + tile_offset(m, 0, depth_bytes());
    }
    if (spec_.row_scale) block.row_scale = args_.row_scale + m;
    if (spec_.residual) block.residual = args_.residual + m * args_.residual_ld + n;
    if (spec_.output == Output::f32) {
      block.c[0] = static_cast<float*>(args_.c) + m * args_.ldc + n;
    } else {
      for (std::size_t g = 0; g < groups; ++g) {
        block.c[g] = static_cast<std::uint8_t*>(args_.c) +
                     tile_offset(m, (n + g * lanes) * c_bytes(), args_.ldc * c_bytes());
      }
    }
  }

 private:
  bool f32_operands() const { return spec_.operands == Operands::f32; }
  // Tiles hold bytes: of a bf16 matrix, two an element.
  std::size_t depth_bytes() const {
    return spec_.operands == Operands::bf16 ? args_.k * bf16_bytes : args_.k;
  }
  std::size_t c_bytes() const { return spec_.output == Output::bf16_tiles ? bf16_bytes : 1; }

  const GemmSpec& spec_;
  const GemmArgs& args_;
};

// What the blocks of a column prefetch for the next column, all of them together the whole of it.
class Ahead {
 public:
  // Panels of B, and how many turns of a kernel's loop, in how many blocks, share them.
  Ahead(const std::byte* begin, const std::byte* end, std::size_t turns, std::size_t blocks)
      : next_(begin), end_(end), turns_(turns) {
    const auto lines =
        static_cast<std::size_t>(std::max<std::ptrdiff_t>(end - begin, 0)) / cache_line;
    const std::size_t all_turns = std::max<std::size_t>(turns * blocks, 1);
    lines_ = std::max<std::size_t>((lines + all_turns - 1) / all_turns, 1);
  }

  // The part of the next block; when nothing is left, what lies near already.
  void set(GemmBlock& block) {
    block.ahead = next_ < end_ ? next_ : block.b;
    block.ahead_lines = lines_;
    next_ += turns_ * lines_ * cache_line;
  }

 private:
  const std::byte *next_, *end_;
  std::size_t turns_, lines_;
};

}  // namespace bertq::jit
