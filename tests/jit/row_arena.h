// Runs each row kernel on plain row-major rows: the arena lays them out as jit/layout.h wants them,
// between forbidden pages, with NaN in all padding, and gives plain results back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "jit/isa.h"
#include "jit/row_kernels.h"
#include "support/guarded_buffer.h"

namespace bertq::testing {

struct Rows {
  std::size_t rows = 0, columns = 0;
  std::vector<float> values;  // [rows][columns]

  float* row(std::size_t index) { return &values[index * columns]; }
  const float* row(std::size_t index) const { return &values[index * columns]; }
};

struct NormalizedRows {
  Rows y;
  std::vector<float> reciprocal_deviation;
};
// `q` is [rows][columns] with both as padded by the kernel in question; sums and scales as there.
// Of bf16, `q` is their bits and `scale` the largest of each row.
struct QuantizedRows {
  std::size_t rows = 0, columns = 0;
  std::vector<std::int32_t> q;
  std::vector<float> scale;
  std::vector<std::int32_t> sum;  // pack_keys only

  std::int32_t at(std::size_t row, std::size_t column) const { return q[row * columns + column]; }
};
// The range of a dynamic quantisation (jit/row_kernels.h); symmetric unless said otherwise.
struct DynamicRange {
  std::int32_t zero_point = 128;
  float steps = 127.0F;
  float least_range = 0.0F;
};
struct SoftmaxRows {
  Rows p;           // softmax_f32
  QuantizedRows q;  // softmax_u8 and softmax_bf16
  std::vector<float> reciprocal_sum;
};
struct LayerNormWeights {
  std::vector<float> gamma, beta;
  float epsilon = 1e-12F;
};
// Tables of `columns` columns, and which of their entries each row asks for.
struct EmbeddingTables {
  std::size_t columns = 0;
  std::vector<float> word, type, position;             // [entries][columns]
  std::vector<std::int8_t> word_s8;                    // embed_s8 takes these words instead
  std::vector<std::uint16_t> word_bf16;                // embed_bf16 takes these
  std::vector<float> word_scale;                       // [entries], of s8
  std::vector<std::int32_t> ids, segments, positions;  // [rows]
};

// Equal bits; any NaN equals any other.
bool same_bits(const std::vector<float>& a, const std::vector<float>& b);
bool same_bits(const NormalizedRows& a, const NormalizedRows& b);
bool same_bits(const QuantizedRows& a, const QuantizedRows& b);
bool same_bits(const SoftmaxRows& a, const SoftmaxRows& b);

// Not for several threads. Throws std::runtime_error if a kernel wrote where it may not.
class RowArena {
 public:
  // For up to this many floats of input, padding included.
  explicit RowArena(std::size_t max_floats);

  // Where operands lie from now on, and how far rows are apart beyond their padding.
  void set_placement(Edge edge, std::size_t extra_columns);

  NormalizedRows layer_norm(jit::Isa isa, const Rows& x, const LayerNormWeights& weights);
  QuantizedRows quantize_dynamic(jit::Isa isa, const Rows& x, const DynamicRange& range = {});
  QuantizedRows quantize_static(jit::Isa isa, const Rows& x, float inverse_scale,
                                std::int32_t zero_point, std::int32_t least = 0);
  QuantizedRows quantize_fused(jit::Isa isa, const Rows& x, float inverse_scale,
                               std::int32_t zero_point);
  QuantizedRows quantize_columns(jit::Isa isa, const Rows& x, const std::vector<float>& multiplier,
                                 const std::vector<float>& offset);
  SoftmaxRows softmax_f32(jit::Isa isa, const Rows& scores);
  SoftmaxRows softmax_u8(jit::Isa isa, const Rows& scores);
  SoftmaxRows softmax_bf16(jit::Isa isa, const Rows& scores);
  QuantizedRows round_bf16(jit::Isa isa, const Rows& x);
  // As bf16 operands: rounded to tiles that are transposed, and packed.
  QuantizedRows pack_keys_bf16(jit::Isa isa, const Rows& x);
  QuantizedRows pack_values_bf16(jit::Isa isa, const Rows& x);
  QuantizedRows pack_keys(jit::Isa isa, const Rows& x);
  // Rows of the result are columns of x.
  QuantizedRows pack_values(jit::Isa isa, const Rows& x);
  Rows embed_f32(jit::Isa isa, const EmbeddingTables& tables);
  Rows embed_s8(jit::Isa isa, const EmbeddingTables& tables);
  Rows embed_bf16(jit::Isa isa, const EmbeddingTables& tables);

 private:
  float* place_rows(GuardedBuffer& buffer, const Rows& x);
  Rows take_rows(const float* placed, std::size_t rows, std::size_t columns) const;
  const float* place_vector(GuardedBuffer& buffer, const std::vector<float>& values);
  std::uint8_t* place_tiles(std::size_t rows, std::size_t columns);
  QuantizedRows take_tiles(std::size_t rows, std::size_t columns) const;
  QuantizedRows quantize_given(jit::Isa isa, const Rows& x, const jit::QuantizeArgs& range,
                               void (*jit::RowKernels::*kernel)(const jit::QuantizeArgs*));
  // Of a softmax that writes tiles: their bytes, `element_bytes` a probability.
  SoftmaxRows softmax_tiles(jit::Isa isa, const Rows& scores, std::size_t element_bytes,
                            void (*jit::RowKernels::*kernel)(const jit::SoftmaxArgs*));
  QuantizedRows take_packed(const std::int8_t* packed, std::size_t n, std::size_t k) const;
  template <typename Word>
  Rows embed(jit::Isa isa, const EmbeddingTables& tables, const std::vector<Word>& words,
             void (*jit::RowKernels::*kernel)(const jit::EmbeddingArgs*));
  std::size_t ld_of(std::size_t columns) const;

  Edge edge_ = Edge::end;
  std::size_t extra_columns_ = 0;
  std::uint8_t* tiles_ = nullptr;
  GuardedBuffer x_, out_, gamma_, beta_, per_row_, per_column_;
  GuardedBuffer word_, type_, position_;
};

}  // namespace bertq::testing
