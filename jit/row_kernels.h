// The row-wise kernels: everything between the matrix products.
//
// f32 rows follow layout.h (padded to 16 columns, whole groups read and written, padding
// meaningless). Sums run over 16 virtual lanes, lane i taking the columns i, i + 16, ..., and are
// then halved: 16 -> 8 -> 4 -> 2 -> 1, lane i taking lane i + half. So all paths give the same
// bits. Rounding to integers is to nearest, ties to even. Sizes in elements; all need an active
// ThreadScope (kernels.h). None allocates.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bertq::jit {

// x = (x - mean) * (1 / sqrt(variance + epsilon)) * gamma + beta, in place; each row on its own.
// The mean is taken off twice: rounded, then what that left. The variance is the mean of the
// squares. reciprocal_deviation[row] is NaN if the row held a value that is not finite.
struct LayerNormArgs {
  float* x = nullptr;
  std::size_t ld = 0, rows = 0, columns = 0;
  const float* gamma = nullptr;  // padded to 16
  const float* beta = nullptr;   // padded to 16
  float epsilon = 0.0F;
  float* reciprocal_deviation = nullptr;  // [rows], out
};

// f32 rows to u8 tiles; columns up to padded_depth are filled with the zero point.
// Dynamic: each row has its own scale, range / steps with range = max(least_range, max|x|), and
// q = rne(x * (steps / range)) + zero_point. Symmetric ranges (the defaults) have zero point 128;
// where no value is below -L, zero point z, steps = 255 - z and least_range = L * steps / z use the
// bytes twice as well. A row whose range is below 1e-30 has scale 0 and q = zero_point. scale[row]
// is not finite (and q meaningless) if a value of the row was not finite. Static: q = clamp(rne(x *
// inverse_scale) + zero_point, least, 255). Fused, which rounds once, after the zero point is
// added: q = clamp(rne(fma(x, inverse_scale, zero_point)), 0, 255). By columns, the same with a
// range for each of them: q = clamp(rne(fma(x, multiplier[column], offset[column])), 0, 255);
// zero_point is 0 then.
struct QuantizeArgs {
  const float* x = nullptr;
  std::size_t ld = 0, rows = 0, columns = 0;
  std::uint8_t* tiles = nullptr;      // row 0 of x is row 0 of these tiles
  float* scale = nullptr;             // [rows], out, dynamic only
  float steps = 127.0F;               // dynamic only: from the zero point to the largest value
  float least_range = 0.0F;           // dynamic only
  float inverse_scale = 0.0F;         // static and fused only
  std::int32_t zero_point = 128;      // 0..255
  std::int32_t least = 0;             // static only: 0..zero_point; 1 keeps -128 out
  const float* multiplier = nullptr;  // by columns only, padded to 16
  const float* offset = nullptr;      // by columns only, padded to 16
};

// f32 rows to bf16 tiles (bf16.h: to_bf16), zeros up to the end of the tile. largest[row] is the
// largest magnitude among the rounded numbers: not finite if one of them is not.
struct RoundArgs {
  const float* x = nullptr;
  std::size_t ld = 0, rows = 0, columns = 0;
  void* tiles = nullptr;     // row 0 of x is row 0 of these tiles
  float* largest = nullptr;  // [rows], out
};

// Attention probabilities, not yet divided by their sum: p = exp(x - max) of each row.
// softmax_u8: u8 tiles of rne(255 * p), zeros up to padded_depth(columns); reciprocal_sum = 1 / sum
// of those integers. softmax_bf16: bf16 tiles of p, zeros up to the end of the tile; reciprocal_sum
// = 1 / sum of the rounded p. softmax_f32: in place, reciprocal_sum = 1 / sum of p. Whoever
// multiplies with the values folds reciprocal_sum into the result.
struct SoftmaxArgs {
  float* scores = nullptr;
  std::size_t ld = 0, rows = 0, columns = 0;
  std::uint8_t* tiles = nullptr;    // u8 and bf16 only
  float* reciprocal_sum = nullptr;  // [rows], out
};

// Keys of one head to a packed s8 B operand (n = rows, k = columns), one scale a row:
// scale = max|x| / 127, q = rne(x * (127 / max|x|)). sum[row] is the row's sum of q. Padding rows
// up to padded_columns(rows) and columns up to padded_depth(columns) become zero, with scale and
// sum 0.
struct PackKeysArgs {
  const float* x = nullptr;  // readable up to the next 16 columns
  std::size_t ld = 0, rows = 0, columns = 0;
  std::int8_t* packed = nullptr;
  float* scale = nullptr;       // [padded_columns(rows)], out
  std::int32_t* sum = nullptr;  // [padded_columns(rows)], out
};

// Values of one head, transposed, to a packed s8 B operand (n = columns, k = rows), one scale a
// column over all rows, as above. Padding becomes zero.
struct PackValuesArgs {
  const float* x = nullptr;  // readable up to the next 16 columns
  std::size_t ld = 0, rows = 0, columns = 0;
  std::int8_t* packed = nullptr;
  float* scale = nullptr;  // [padded_columns(columns)], out
};

// Keys of one head, rounded to bf16 tiles, become a packed bf16 B operand (n = rows, k = columns)
// when each tile is transposed as 16 x 16 pairs of numbers. `from` and `to` are different memory.
struct TransposeArgs {
  const void* from = nullptr;
  void* to = nullptr;
  std::size_t tiles = 0;
};

// Values of one head, rounded and transposed, to a packed bf16 B operand (n = columns, k = rows).
// Padding becomes zero.
struct PackBf16Args {
  const float* x = nullptr;  // readable up to the next 16 columns
  std::size_t ld = 0, rows = 0, columns = 0;
  void* packed = nullptr;
};

// out[row] = (word[ids[row]] + type[segments[row]]) + position[positions[row]].
// embed_s8: the words are s8 with one scale a row, fma(q, scale, type + position). embed_bf16: they
// are bf16.
// Indices were checked by the caller. Table rows are padded to 16 columns.
struct EmbeddingArgs {
  const std::int32_t* ids = nullptr;
  const std::int32_t* segments = nullptr;
  const std::int32_t* positions = nullptr;
  std::size_t rows = 0, columns = 0;
  const void* word = nullptr;         // f32, s8 or bf16
  const float* word_scale = nullptr;  // s8 only
  const float *type = nullptr, *position = nullptr;
  std::size_t table_ld = 0;
  float* out = nullptr;
  std::size_t ld = 0;
};

struct RowKernels {
  void (*layer_norm)(const LayerNormArgs*);
  void (*quantize_dynamic)(const QuantizeArgs*);
  void (*quantize_static)(const QuantizeArgs*);
  void (*quantize_fused)(const QuantizeArgs*);
  void (*quantize_columns)(const QuantizeArgs*);
  void (*softmax_u8)(const SoftmaxArgs*);
  void (*softmax_f32)(const SoftmaxArgs*);
  void (*pack_keys)(const PackKeysArgs*);
  void (*pack_values)(const PackValuesArgs*);
  void (*embed_f32)(const EmbeddingArgs*);
  void (*embed_s8)(const EmbeddingArgs*);
  void (*embed_bf16)(const EmbeddingArgs*);
  void (*transpose_tiles)(const TransposeArgs*);
  void (*pack_values_bf16)(const PackBf16Args*);
  void (*round_bf16)(const RoundArgs*);
  void (*softmax_bf16)(const SoftmaxArgs*);
};

}  // namespace bertq::jit
