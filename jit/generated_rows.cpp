#include "jit/generated_rows.h"

#include <array>

#include "jit/row_generators.h"

namespace bertq::jit {
namespace {

// In the order of RowKernels.
constexpr std::array generators = {
    generate_layer_norm,     generate_quantize_dynamic, generate_quantize_static,
    generate_quantize_fused, generate_quantize_columns, generate_softmax_u8,
    generate_softmax_f32,    generate_pack_keys,        generate_pack_values,
    generate_embed_f32,      generate_embed_s8,
};

std::array<CodeBlock, generators.size()> generate_all(Isa isa) {
  std::array<CodeBlock, generators.size()> blocks;
  for (std::size_t i = 0; i < generators.size(); ++i) blocks[i] = generators[i](isa);
  return blocks;
}

RowKernels make_table(const CodeMemory& memory) {
  using LayerNorm = decltype(RowKernels::layer_norm);
  using Quantize = decltype(RowKernels::quantize_dynamic);
  using Softmax = decltype(RowKernels::softmax_u8);
  using PackKeys = decltype(RowKernels::pack_keys);
  using PackValues = decltype(RowKernels::pack_values);
  using Embed = decltype(RowKernels::embed_f32);
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
  };
}

}  // namespace

GeneratedRows::GeneratedRows(Isa isa) : memory_(generate_all(isa)), table_(make_table(memory_)) {}

std::unique_ptr<GeneratedRows> generate_row_kernels(Isa isa) {
  return std::make_unique<GeneratedRows>(isa);
}

}  // namespace bertq::jit
