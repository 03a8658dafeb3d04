#include "jit/generated_rows.h"

#include <array>
#include <vector>

#include "jit/row_generators.h"

namespace bertq::jit {
namespace {

// In the order of RowKernels.
constexpr std::array generators = {
    generate_layer_norm,      generate_quantize_dynamic, generate_quantize_static,
    generate_quantize_fused,  generate_quantize_columns, generate_softmax_u8,
    generate_softmax_f32,     generate_pack_keys,        generate_pack_values,
    generate_embed_f32,       generate_embed_s8,         generate_embed_bf16,
    generate_transpose_tiles, generate_pack_values_bf16,
};
constexpr std::array bf16_generators = {generate_round_bf16, generate_softmax_bf16};

std::vector<CodeBlock> generate_all(Isa isa, bool fast_bf16) {
  std::vector<CodeBlock> blocks;
  for (const auto& generate : generators) blocks.push_back(generate(isa));
  for (const auto& generate : bf16_generators) blocks.push_back(generate(isa, fast_bf16));
  return blocks;
}

RowKernels make_table(const CodeMemory& memory) {
  using LayerNorm = decltype(RowKernels::layer_norm);
  using Quantize = decltype(RowKernels::quantize_dynamic);
  using Softmax = decltype(RowKernels::softmax_u8);
  using PackKeys = decltype(RowKernels::pack_keys);
  using PackValues = decltype(RowKernels::pack_values);
  using Embed = decltype(RowKernels::embed_f32);
  using Transpose = decltype(RowKernels::transpose_tiles);
  using PackBf16 = decltype(RowKernels::pack_values_bf16);
  using Round = decltype(RowKernels::round_bf16);
  return {
      .layer_norm = memory.function<LayerNorm>(0),
      .quantize_dynamic = memory.function<Quantize>(1),
      .quantize_static = memory.function<Quantize>(2),
      .quantize_fused = memory.function<Quantize>(3),
      .quantize_columns = memory.function<Quantize>(4),
      .softmax_u8 = memory.function<Softmax>(5),
      .softmax_f32 = memory.function<Softmax>(6),
      .pack_keys = memory.function<PackKeys>(7),
      .pack_values = memory.function<PackValues>(8),
      .embed_f32 = memory.function<Embed>(9),
      .embed_s8 = memory.function<Embed>(10),
      .embed_bf16 = memory.function<Embed>(11),
      .transpose_tiles = memory.function<Transpose>(12),
      .pack_values_bf16 = memory.function<PackBf16>(13),
      .round_bf16 = memory.function<Round>(14),
      .softmax_bf16 = memory.function<Softmax>(15),
  };
}

}  // namespace

GeneratedRows::GeneratedRows(Isa isa, bool fast_bf16)
    : memory_(generate_all(isa, fast_bf16)), table_(make_table(memory_)) {}

std::unique_ptr<GeneratedRows> generate_row_kernels(Isa isa, bool fast_bf16) {
  return std::make_unique<GeneratedRows>(isa, fast_bf16);
}

}  // namespace bertq::jit
