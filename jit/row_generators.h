// The generators of the row-wise kernels, one function of RowKernels each (row_kernels.h says what
// it does). Each is written once for all vector paths and gives the bits of the plain C++ ones.
#pragma once

#include "jit/code_memory.h"
#include "jit/isa.h"

namespace bertq::jit {

CodeBlock generate_layer_norm(Isa isa);
CodeBlock generate_quantize_dynamic(Isa isa);
CodeBlock generate_quantize_static(Isa isa);
CodeBlock generate_quantize_fused(Isa isa);
CodeBlock generate_quantize_columns(Isa isa);
CodeBlock generate_softmax_u8(Isa isa);
CodeBlock generate_softmax_f32(Isa isa);
CodeBlock generate_pack_keys(Isa isa);
CodeBlock generate_pack_values(Isa isa);
CodeBlock generate_embed_f32(Isa isa);
CodeBlock generate_embed_s8(Isa isa);
CodeBlock generate_embed_bf16(Isa isa);
CodeBlock generate_pack_values_bf16(Isa isa);
CodeBlock generate_transpose_tiles(Isa isa);

// Whether the path has fast BF16 (isa.h), and so instructions for rounding.
CodeBlock generate_round_bf16(Isa isa, bool fast_bf16);
CodeBlock generate_softmax_bf16(Isa isa, bool fast_bf16);

}  // namespace bertq::jit
