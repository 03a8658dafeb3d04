#include "jit/generated_gemm.h"

#include <algorithm>
#include <vector>

#include "jit/code_memory.h"
#include "jit/gemm_block.h"
#include "jit/gemm_tile.h"
#include "jit/gemm_vector.h"
#include "jit/layout.h"

namespace bertq::jit {
namespace {

// The kernels of one product: one for each height that is tried, tallest first, and each width.
struct KernelGrid {
  std::vector<std::size_t> heights;  // rows of a block
  std::size_t groups;                // the widest block, in groups of 16 columns
  // Whether a block of a given height also takes fewer rows (tiles) or exactly its own (vectors).
  bool partial_rows;
  // Whether a block may run over the end of a panel of 16 rows.
  bool spans_panels;
  std::vector<CodeBlock> code;  // [height][groups - 1]
};

KernelGrid vector_kernels(Isa isa, bool fast_bf16, const GemmSpec& spec, const std::string& name) {
  const BlockShape most = vector_block_shape(isa, spec.operands);
  KernelGrid grid{.heights = {},
                  .groups = static_cast<std::size_t>(most.groups),
                  .partial_rows = false,
                  .spans_panels = false,
                  .code = {}};
  for (const int rows : {8, 6, 4, 2, 1}) {
    // 8 = 8 and 16 = 6 + 6 + 4: a height of 6 serves only where 8 does not fit.
    if (rows > most.rows || (rows == 6 && most.rows != 6)) continue;
    grid.heights.push_back(static_cast<std::size_t>(rows));
    for (int groups = 1; groups <= most.groups; ++groups) {
      grid.code.push_back(
          generate_vector_gemm(isa, fast_bf16, spec, {.rows = rows, .groups = groups}, name));
    }
  }
  return grid;
}

KernelGrid tile_kernels(const GemmSpec& spec, const std::string& name) {
  KernelGrid grid{.heights = {2 * tile_rows, tile_rows},
                  .groups = 2,
                  .partial_rows = true,
                  .spans_panels = true,
                  .code = {}};
  for (const int panels : {2, 1}) {
    for (const int groups : {1, 2}) {
      grid.code.push_back(generate_tile_gemm(spec, {.panels = panels, .groups = groups}, name));
    }
  }
  return grid;
}

KernelGrid make_kernels(Isa isa, bool fast_bf16, const GemmSpec& spec, const std::string& name) {
  const bool tiles = isa == Isa::amx && (spec.operands == Operands::u8s8 ||
                                         (spec.operands == Operands::bf16 && fast_bf16));
  return tiles ? tile_kernels(spec, name) : vector_kernels(isa, fast_bf16, spec, name);
}

class GeneratedGemm final : public Gemm {
 public:
  GeneratedGemm(const GemmSpec& spec, std::string name, const KernelGrid& kernels)
      : spec_(spec),
        name_(std::move(name)),
        heights_(kernels.heights),
        groups_(kernels.groups),
        partial_rows_(kernels.partial_rows),
        spans_panels_(kernels.spans_panels),
        memory_(kernels.code) {}

  // Columns outside, rows inside: the panels of B that a block needs stay in the nearest cache
  // while A streams by, and the blocks fetch the next panels meanwhile, each a part.
  void run(const GemmArgs& args, Range rows, Range columns) const override {
    GemmBlock block = constant_part(args);
    const std::size_t turns = f32_operands() ? block.depth / f32_turn : block.depth;
    const std::size_t widest = groups_ * lanes;
    for (std::size_t n = columns.begin; n < columns.end; n += widest) {
      const std::size_t groups = std::min(groups_, padded_columns(columns.end - n) / lanes);
      set_columns(block, args, n);
      const std::byte* ahead = panels(args, n + widest);
      const std::byte* const end = panels(args, std::min(n + 2 * widest, columns.end));
      for (std::size_t m = rows.begin; m < rows.end;) {
        const std::size_t height = choose_height(m, rows.end);
        const std::size_t count = std::min(heights_[height], rows.end - m);
        set_rows(block, args, m, n, count, groups);
        block.ahead = ahead < end ? ahead : block.b;
        memory_.function<GemmBlockFunction>(height * groups_ + groups - 1)(&block);
        m += count;
        ahead += ahead_bytes(turns, groups);
      }
    }
  }
  const std::string& name() const override { return name_; }

 private:
  bool f32_operands() const { return spec_.operands == Operands::f32; }
  // Tiles hold bytes: of a bf16 matrix, two an element.
  std::size_t depth_bytes(const GemmArgs& args) const {
    return spec_.operands == Operands::bf16 ? args.k * bf16_bytes : args.k;
  }
  std::size_t c_bytes() const { return spec_.output == Output::bf16_tiles ? bf16_bytes : 1; }

  // The tallest block that fits what is left.
  std::size_t choose_height(std::size_t row, std::size_t end) const {
    const std::size_t left =
        spans_panels_ ? end - row : std::min(end, round_up(row + 1, tile_rows)) - row;
    std::size_t height = 0;
    if (partial_rows_) {
      while (height + 1 < heights_.size() && heights_[height + 1] >= left) ++height;
    } else {
      while (heights_[height] > left) ++height;
    }
    return height;
  }

  GemmBlock constant_part(const GemmArgs& args) const {
    GemmBlock block{};
    if (f32_operands()) {
      block.a_stride = args.lda * sizeof(float);
      block.b_stride = args.k * lanes * sizeof(float);
      block.depth = args.k;
    } else {
      const std::size_t bytes = padded_depth(depth_bytes(args));
      block.a_stride = tile_rows * bytes;
      block.b_stride = lanes * bytes;
      block.depth = bytes / tile_depth;
    }
    block.residual_stride = args.residual_ld * sizeof(float);
    if (spec_.output == Output::f32) {
      block.c_stride = args.ldc * sizeof(float);
    } else {
      block.c_panel_stride = tile_rows * padded_depth(args.ldc * c_bytes());
    }
    return block;
  }

  // The panels of B from column n on.
  const std::byte* panels(const GemmArgs& args, std::size_t n) const {
    const auto* b = static_cast<const std::byte*>(args.b);
    if (f32_operands()) return b + packed_f32_offset(n, 0, args.k) * sizeof(float);
    return b + packed_s8_offset(n, 0, depth_bytes(args));
  }

  void set_columns(GemmBlock& block, const GemmArgs& args, std::size_t n) const {
    block.b = panels(args, n);
    if (spec_.operands == Operands::u8s8) block.compensation = args.compensation + n;
    if (spec_.column_scale) block.column_scale = args.column_scale + n;
    if (spec_.bias) block.bias = args.bias + n;
    if (spec_.output == Output::u8_tiles) {
      block.output_multiplier = args.output_multiplier + n;
      block.output_offset = args.output_offset + n;
    }
  }

  void set_rows(GemmBlock& block, const GemmArgs& args, std::size_t m, std::size_t n,
                std::size_t count, std::size_t groups) const {
    block.rows = count;
    if (f32_operands()) {
      block.a = static_cast<const float*>(args.a) + m * args.lda;
    } else {
      block.a = static_cast<const std::uint8_t*>(args.a) + tile_offset(m, 0, depth_bytes(args));
    }
    if (spec_.row_scale) block.row_scale = args.row_scale + m;
    if (spec_.residual) block.residual = args.residual + m * args.residual_ld + n;
    if (spec_.output == Output::f32) {
      block.c[0] = static_cast<float*>(args.c) + m * args.ldc + n;
    } else {
      for (std::size_t g = 0; g < groups; ++g) {
        block.c[g] = static_cast<std::uint8_t*>(args.c) +
                     tile_offset(m, (n + g * lanes) * c_bytes(), args.ldc * c_bytes());
      }
    }
  }

  GemmSpec spec_;
  std::string name_;
  std::vector<std::size_t> heights_;
  std::size_t groups_;
  bool partial_rows_, spans_panels_;
  CodeMemory memory_;
};

}  // namespace

std::unique_ptr<Gemm> make_generated_gemm(Isa isa, bool fast_bf16, const GemmSpec& spec) {
  std::string name = std::string(isa_name(isa)) + ".gemm." + spec.name();
  const KernelGrid kernels = make_kernels(isa, fast_bf16, spec, name);
  return std::make_unique<GeneratedGemm>(spec, std::move(name), kernels);
}

}  // namespace bertq::jit
