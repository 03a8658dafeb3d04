#include "jit/generated_gemm.h"

#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <vector>

#include "jit/code_memory.h"
#include "jit/gemm_block.h"
#include "jit/gemm_blocks.h"
#include "jit/gemm_tile.h"
#include "jit/gemm_vector.h"
#include "jit/layout.h"

namespace bertq::jit {
namespace {

// What both have in common. Columns outside, rows inside: the panels of B that a block needs stay
// in the nearest cache while A streams by, and the blocks fetch the next panels meanwhile, each a
// part.
class GeneratedGemm : public Gemm {
 public:
  const std::string& name() const override { return name_; }

 protected:
  GeneratedGemm(const GemmSpec& spec, std::string name, std::size_t widest_groups,
                std::span<const CodeBlock> code)
      : spec_(spec), name_(std::move(name)), widest_groups_(widest_groups), memory_(code) {}

  std::size_t widest() const { return widest_groups_ * lanes; }
  std::size_t groups_at(std::size_t n, std::size_t end) const {
    return std::min(widest_groups_, padded_columns(end - n) / lanes);
  }
  // For `blocks` blocks from column n on.
  Ahead ahead(const BlockAddresses& addresses, const GemmBlock& block, std::size_t n,
              std::size_t end, std::size_t blocks) const {
    const std::size_t turns =
        spec_.operands == Operands::f32 ? block.depth / f32_turn : block.depth;
    return {addresses.panels(n + widest()), addresses.panels(std::min(n + 2 * widest(), end)),
            turns, blocks};
  }
  static std::size_t blocks(const Range& rows, std::size_t height) {
    return (rows.end - rows.begin + height - 1) / height;
  }
  void call(std::size_t kernel, const GemmBlock& block) const {
    memory_.function<GemmBlockFunction>(kernel)(&block);
  }
  const GemmSpec& spec() const { return spec_; }

 private:
  GemmSpec spec_;
  std::string name_;
  std::size_t widest_groups_;
  CodeMemory memory_;
};

// A kernel for each height that fits the registers, tallest first, and each width.
struct VectorKernels {
  std::vector<std::size_t> heights;
  std::size_t widest_groups;
  std::vector<CodeBlock> code;  // [height][groups - 1]
};

VectorKernels vector_kernels(Isa isa, bool fast_bf16, const GemmSpec& spec,
                             const std::string& name) {
  const BlockShape most = vector_block_shape(isa, spec.operands);
  VectorKernels kernels{
      .heights = {}, .widest_groups = static_cast<std::size_t>(most.groups), .code = {}};
  for (const int rows : {8, 6, 4, 2, 1}) {
    // 8 = 8 and 16 = 6 + 6 + 4: a height of 6 serves only where 8 does not fit.
    if (rows > most.rows || (rows == 6 && most.rows != 6)) continue;
    kernels.heights.push_back(static_cast<std::size_t>(rows));
    for (int groups = 1; groups <= most.groups; ++groups) {
      kernels.code.push_back(
          generate_vector_gemm(isa, fast_bf16, spec, {.rows = rows, .groups = groups}, name));
    }
  }
  return kernels;
}

class VectorGemm final : public GeneratedGemm {
 public:
  VectorGemm(const GemmSpec& spec, std::string name, VectorKernels kernels)
      : GeneratedGemm(spec, std::move(name), kernels.widest_groups, kernels.code),
        heights_(std::move(kernels.heights)),
        widest_groups_(kernels.widest_groups) {}

  void run(const GemmArgs& args, Range rows, Range columns) const override {
    const BlockAddresses addresses(spec(), args);
    GemmBlock block = addresses.common();
    for (std::size_t n = columns.begin; n < columns.end; n += widest()) {
      const std::size_t groups = groups_at(n, columns.end);
      addresses.set_columns(block, n);
      Ahead panels = ahead(addresses, block, n, columns.end, blocks(rows, heights_[0]));
      for (std::size_t m = rows.begin; m < rows.end;) {
        const std::size_t height = tallest(m, rows.end);
        addresses.set_rows(block, m, n, heights_[height], groups);
        panels.set(block);
        call(height * widest_groups_ + groups - 1, block);
        m += heights_[height];
      }
    }
  }

 private:
  // The tallest block that fits what is left, to the end of a panel of 16 rows at most.
  std::size_t tallest(std::size_t row, std::size_t end) const {
    const std::size_t left = std::min(end, round_up(row + 1, tile_rows)) - row;
    std::size_t height = 0;
    while (heights_[height] > left) ++height;
    return height;
  }

  std::vector<std::size_t> heights_;
  std::size_t widest_groups_;
};

// For one panel of 16 rows and for two, each for one group of columns and for two; then the ends.
constexpr std::size_t finish_code = 4;

std::vector<CodeBlock> tile_kernels(const GemmSpec& spec, const std::string& name) {
  std::vector<CodeBlock> code;
  for (const int panels : {1, 2}) {
    for (const int groups : {1, 2}) {
      code.push_back(generate_tile_gemm(spec, {.panels = panels, .groups = groups}, name));
    }
  }
  for (const int groups : {1, 2}) code.push_back(generate_tile_finish(spec, groups, name));
  return code;
}

// Each call multiplies a block and finishes the one before it.
class TileGemm final : public GeneratedGemm {
 public:
  TileGemm(const GemmSpec& spec, const std::string& name)
      : GeneratedGemm(spec, name, most_tile_groups, tile_kernels(spec, name)) {}

  void run(const GemmArgs& args, Range rows, Range columns) const override {
    const BlockAddresses addresses(spec(), args);
    Pipeline pipeline(addresses.common());
    for (std::size_t n = columns.begin; n < columns.end; n += widest()) {
      const std::size_t groups = groups_at(n, columns.end);
      if (pipeline.groups != groups) finish_last(pipeline);
      pipeline.groups = groups;
      const auto start = start_of_sums(args, n, groups);
      Ahead panels =
          ahead(addresses, pipeline.present(), n, columns.end, blocks(rows, 2 * tile_rows));
      for (std::size_t m = rows.begin; m < rows.end; m += 2 * tile_rows) {
        const std::size_t count = std::min(2 * tile_rows, rows.end - m);
        GemmBlock& block = pipeline.present();
        addresses.set_columns(block, n);
        addresses.set_rows(block, m, n, count, groups);
        block.compensation = start.data();
        panels.set(block);
        call((count > tile_rows ? 2 : 0) + groups - 1, block);
        pipeline.step();
      }
    }
    finish_last(pipeline);
  }

 private:
  static constexpr std::size_t most_tile_groups = 2;

  // The block that is multiplied next and the one before it, in turn.
  class Pipeline {
   public:
    explicit Pipeline(const GemmBlock& common) : blocks_{common, common} {
      for (std::size_t i = 0; i < 2; ++i) blocks_[i].sums = &sums_[i * tile_sums_bytes];
    }
    GemmBlock& present() { return blocks_[index_]; }
    void step() {
      GemmBlock& previous = present();
      index_ = 1 - index_;
      present().previous = &previous;
    }

    std::size_t groups = 0;  // of the block before

   private:
    alignas(tile_sums_panel) std::array<std::byte, 2 * tile_sums_bytes> sums_;
    std::array<GemmBlock, 2> blocks_;
    std::size_t index_ = 0;
  };

  // What the sums of columns n.. begin with.
  std::array<std::int32_t, most_tile_groups * lanes> start_of_sums(const GemmArgs& args,
                                                                   std::size_t n,
                                                                   std::size_t groups) const {
    std::array<std::int32_t, most_tile_groups * lanes> start{};
    if (spec().operands != Operands::u8s8) return start;
    std::transform(args.compensation + n, args.compensation + n + groups * lanes, start.begin(),
                   std::negate<>());
    return start;
  }

  void finish_last(Pipeline& pipeline) const {
    GemmBlock& block = pipeline.present();
    if (block.previous == nullptr) return;
    call(finish_code + pipeline.groups - 1, block);
    block.previous = nullptr;
  }
};

}  // namespace

std::unique_ptr<Gemm> make_generated_gemm(Isa isa, bool fast_bf16, const GemmSpec& spec) {
  std::string name = std::string(isa_name(isa)) + ".gemm." + spec.name();
  const bool tiles = isa == Isa::amx && (spec.operands == Operands::u8s8 ||
                                         (spec.operands == Operands::bf16 && fast_bf16));
  if (tiles) return std::make_unique<TileGemm>(spec, name);
  VectorKernels kernels = vector_kernels(isa, fast_bf16, spec, name);
  return std::make_unique<VectorGemm>(spec, std::move(name), std::move(kernels));
}

}  // namespace bertq::jit
