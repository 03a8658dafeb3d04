#include "row_arena.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>

#include "jit/kernels.h"
#include "jit/layout.h"

namespace bertq::testing {
namespace {

constexpr int nan_bytes = 0xFF;
constexpr int garbage_bytes = 0xE7;

std::size_t strided_count(std::size_t rows, std::size_t ld, std::size_t columns) {
  return (rows - 1) * ld + jit::padded_columns(columns);
}

void require_intact(bool intact, const char* what) {
  if (!intact) throw std::runtime_error(std::string("a row kernel wrote into ") + what);
}

// What a matrix of bytes holds as bf16.
QuantizedRows as_bf16(const QuantizedRows& bytes) {
  QuantizedRows numbers;
  numbers.rows = bytes.rows;
  numbers.columns = bytes.columns / jit::bf16_bytes;
  for (std::size_t i = 0; i < bytes.q.size(); i += jit::bf16_bytes)
    numbers.q.push_back((bytes.q[i] & 0xFF) | (bytes.q[i + 1] & 0xFF) << 8);
  return numbers;
}

}  // namespace

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y) ||
           (std::isnan(x) && std::isnan(y));
  });
}
bool same_bits(const NormalizedRows& a, const NormalizedRows& b) {
  return same_bits(a.y.values, b.y.values) &&
         same_bits(a.reciprocal_deviation, b.reciprocal_deviation);
}
bool same_bits(const QuantizedRows& a, const QuantizedRows& b) {
  return a.q == b.q && a.sum == b.sum && same_bits(a.scale, b.scale);
}
bool same_bits(const SoftmaxRows& a, const SoftmaxRows& b) {
  return same_bits(a.p.values, b.p.values) && same_bits(a.q, b.q) &&
         same_bits(a.reciprocal_sum, b.reciprocal_sum);
}

RowArena::RowArena(std::size_t max_floats)
    : x_(4 * max_floats),
      out_(4 * max_floats),
      gamma_(4 * max_floats),
      beta_(4 * max_floats),
      per_row_(4 * max_floats),
      per_column_(4 * max_floats),
      word_(4 * max_floats),
      type_(4 * max_floats),
      position_(4 * max_floats) {}

void RowArena::set_placement(Edge edge, std::size_t extra_columns) {
  edge_ = edge;
  extra_columns_ = extra_columns;
}

std::size_t RowArena::ld_of(std::size_t columns) const {
  return jit::padded_columns(columns) + extra_columns_;
}

float* RowArena::place_rows(GuardedBuffer& buffer, const Rows& x) {
  const std::size_t ld = ld_of(x.columns);
  auto* placed = buffer.place<float>(strided_count(x.rows, ld, x.columns), edge_, nan_bytes);
  for (std::size_t row = 0; row < x.rows; ++row)
    std::copy_n(x.row(row), x.columns, placed + row * ld);
  return placed;
}

Rows RowArena::take_rows(const float* placed, std::size_t rows, std::size_t columns) const {
  const std::size_t ld = ld_of(columns);
  Rows taken = {rows, columns, std::vector<float>(rows * columns)};
  for (std::size_t row = 0; row < rows; ++row) {
    std::copy_n(placed + row * ld, columns, taken.row(row));
    if (row + 1 == rows) break;
    for (std::size_t gap = jit::padded_columns(columns); gap < ld; ++gap)
      require_intact(std::bit_cast<std::uint32_t>(placed[row * ld + gap]) == 0xFFFFFFFFU,
                     "the gap between rows");
  }
  return taken;
}

const float* RowArena::place_vector(GuardedBuffer& buffer, const std::vector<float>& values) {
  auto* placed = buffer.place<float>(jit::padded_columns(values.size()), edge_, nan_bytes);
  std::copy(values.begin(), values.end(), placed);
  return placed;
}

std::uint8_t* RowArena::place_tiles(std::size_t rows, std::size_t columns) {
  tiles_ = out_.place<std::uint8_t>(jit::tiles_bytes(rows, columns), edge_, garbage_bytes);
  return tiles_;
}

QuantizedRows RowArena::take_tiles(std::size_t rows, std::size_t columns) const {
  QuantizedRows taken;
  taken.rows = rows;
  taken.columns = jit::padded_depth(columns);
  for (std::size_t row = 0; row < jit::round_up(rows, jit::tile_rows); ++row) {
    for (std::size_t column = 0; column < taken.columns; ++column) {
      const std::uint8_t q = tiles_[jit::tile_offset(row, column, columns)];
      if (row < rows) taken.q.push_back(q);
      if (row >= rows) require_intact(q == garbage_bytes, "rows of a tile that it was not given");
    }
  }
  return taken;
}

QuantizedRows RowArena::take_packed(const std::int8_t* packed, std::size_t n, std::size_t k) const {
  QuantizedRows taken;
  taken.rows = jit::padded_columns(n);
  taken.columns = jit::padded_depth(k);
  for (std::size_t row = 0; row < taken.rows; ++row) {
    for (std::size_t column = 0; column < taken.columns; ++column)
      taken.q.push_back(packed[jit::packed_s8_offset(row, column, k)]);
  }
  return taken;
}

NormalizedRows RowArena::layer_norm(jit::Isa isa, const Rows& x, const LayerNormWeights& weights) {
  const jit::ThreadScope scope(isa);
  jit::LayerNormArgs args;
  args.x = place_rows(x_, x);
  args.ld = ld_of(x.columns);
  args.rows = x.rows;
  args.columns = x.columns;
  args.gamma = place_vector(gamma_, weights.gamma);
  args.beta = place_vector(beta_, weights.beta);
  args.epsilon = weights.epsilon;
  args.reciprocal_deviation = per_row_.place<float>(x.rows, edge_, nan_bytes);
  jit::Kernels::of(isa).rows().layer_norm(&args);
  return {take_rows(args.x, x.rows, x.columns),
          {args.reciprocal_deviation, args.reciprocal_deviation + x.rows}};
}

QuantizedRows RowArena::quantize_dynamic(jit::Isa isa, const Rows& x, const DynamicRange& range) {
  const jit::ThreadScope scope(isa);
  jit::QuantizeArgs args;
  args.x = place_rows(x_, x);
  args.ld = ld_of(x.columns);
  args.rows = x.rows;
  args.columns = x.columns;
  args.tiles = place_tiles(x.rows, x.columns);
  args.scale = per_row_.place<float>(x.rows, edge_, nan_bytes);
  args.zero_point = range.zero_point;
  args.steps = range.steps;
  args.least_range = range.least_range;
  jit::Kernels::of(isa).rows().quantize_dynamic(&args);
  QuantizedRows taken = take_tiles(x.rows, x.columns);
  taken.scale.assign(args.scale, args.scale + x.rows);
  return taken;
}

QuantizedRows RowArena::quantize_given(jit::Isa isa, const Rows& x, const jit::QuantizeArgs& range,
                                       void (*jit::RowKernels::*kernel)(const jit::QuantizeArgs*)) {
  const jit::ThreadScope scope(isa);
  jit::QuantizeArgs args = range;
  args.x = place_rows(x_, x);
  args.ld = ld_of(x.columns);
  args.rows = x.rows;
  args.columns = x.columns;
  args.tiles = place_tiles(x.rows, x.columns);
  (jit::Kernels::of(isa).rows().*kernel)(&args);
  return take_tiles(x.rows, x.columns);
}

QuantizedRows RowArena::quantize_static(jit::Isa isa, const Rows& x, float inverse_scale,
                                        std::int32_t zero_point, std::int32_t least) {
  jit::QuantizeArgs range;
  range.inverse_scale = inverse_scale;
  range.zero_point = zero_point;
  range.least = least;
  return quantize_given(isa, x, range, &jit::RowKernels::quantize_static);
}

QuantizedRows RowArena::quantize_fused(jit::Isa isa, const Rows& x, float inverse_scale,
                                       std::int32_t zero_point) {
  jit::QuantizeArgs range;
  range.inverse_scale = inverse_scale;
  range.zero_point = zero_point;
  return quantize_given(isa, x, range, &jit::RowKernels::quantize_fused);
}

QuantizedRows RowArena::quantize_columns(jit::Isa isa, const Rows& x,
                                         const std::vector<float>& multiplier,
                                         const std::vector<float>& offset) {
  jit::QuantizeArgs range;
  range.zero_point = 0;
  range.multiplier = place_vector(gamma_, multiplier);
  range.offset = place_vector(beta_, offset);
  return quantize_given(isa, x, range, &jit::RowKernels::quantize_columns);
}

SoftmaxRows RowArena::softmax_f32(jit::Isa isa, const Rows& scores) {
  const jit::ThreadScope scope(isa);
  jit::SoftmaxArgs args;
  args.scores = place_rows(x_, scores);
  args.ld = ld_of(scores.columns);
  args.rows = scores.rows;
  args.columns = scores.columns;
  args.reciprocal_sum = per_row_.place<float>(scores.rows, edge_, nan_bytes);
  jit::Kernels::of(isa).rows().softmax_f32(&args);
  SoftmaxRows taken;
  taken.p = take_rows(args.scores, scores.rows, scores.columns);
  taken.reciprocal_sum.assign(args.reciprocal_sum, args.reciprocal_sum + scores.rows);
  return taken;
}

SoftmaxRows RowArena::softmax_tiles(jit::Isa isa, const Rows& scores, std::size_t element_bytes,
                                    void (*jit::RowKernels::*kernel)(const jit::SoftmaxArgs*)) {
  const jit::ThreadScope scope(isa);
  jit::SoftmaxArgs args;
  args.scores = place_rows(x_, scores);
  args.ld = ld_of(scores.columns);
  args.rows = scores.rows;
  args.columns = scores.columns;
  args.tiles = place_tiles(scores.rows, scores.columns * element_bytes);
  args.reciprocal_sum = per_row_.place<float>(scores.rows, edge_, nan_bytes);
  (jit::Kernels::of(isa).rows().*kernel)(&args);
  take_rows(args.scores, scores.rows, scores.columns);  // its gaps must be intact
  SoftmaxRows taken;
  taken.q = take_tiles(scores.rows, scores.columns * element_bytes);
  taken.reciprocal_sum.assign(args.reciprocal_sum, args.reciprocal_sum + scores.rows);
  return taken;
}

SoftmaxRows RowArena::softmax_u8(jit::Isa isa, const Rows& scores) {
  return softmax_tiles(isa, scores, 1, &jit::RowKernels::softmax_u8);
}

QuantizedRows RowArena::pack_keys(jit::Isa isa, const Rows& x) {
  const jit::ThreadScope scope(isa);
  jit::PackKeysArgs args;
  const std::size_t padded_rows = jit::padded_columns(x.rows);
  args.x = place_rows(x_, x);
  args.ld = ld_of(x.columns);
  args.rows = x.rows;
  args.columns = x.columns;
  args.packed =
      out_.place<std::int8_t>(jit::packed_s8_bytes(x.rows, x.columns), edge_, garbage_bytes);
  args.scale = per_row_.place<float>(padded_rows, edge_, nan_bytes);
  args.sum = per_column_.place<std::int32_t>(padded_rows, edge_, nan_bytes);
  jit::Kernels::of(isa).rows().pack_keys(&args);
  QuantizedRows taken = take_packed(args.packed, x.rows, x.columns);
  taken.scale.assign(args.scale, args.scale + padded_rows);
  taken.sum.assign(args.sum, args.sum + padded_rows);
  return taken;
}

QuantizedRows RowArena::pack_values(jit::Isa isa, const Rows& x) {
  const jit::ThreadScope scope(isa);
  jit::PackValuesArgs args;
  const std::size_t padded = jit::padded_columns(x.columns);
  args.x = place_rows(x_, x);
  args.ld = ld_of(x.columns);
  args.rows = x.rows;
  args.columns = x.columns;
  args.packed =
      out_.place<std::int8_t>(jit::packed_s8_bytes(x.columns, x.rows), edge_, garbage_bytes);
  args.scale = per_column_.place<float>(padded, edge_, nan_bytes);
  jit::Kernels::of(isa).rows().pack_values(&args);
  QuantizedRows taken = take_packed(args.packed, x.columns, x.rows);
  taken.scale.assign(args.scale, args.scale + padded);
  return taken;
}

Rows RowArena::embed_f32(jit::Isa isa, const EmbeddingTables& tables) {
  return embed(isa, tables, tables.word, &jit::RowKernels::embed_f32);
}
Rows RowArena::embed_s8(jit::Isa isa, const EmbeddingTables& tables) {
  return embed(isa, tables, tables.word_s8, &jit::RowKernels::embed_s8);
}
Rows RowArena::embed_bf16(jit::Isa isa, const EmbeddingTables& tables) {
  return embed(isa, tables, tables.word_bf16, &jit::RowKernels::embed_bf16);
}

template <typename Word>
Rows RowArena::embed(jit::Isa isa, const EmbeddingTables& tables, const std::vector<Word>& words,
                     void (*jit::RowKernels::*kernel)(const jit::EmbeddingArgs*)) {
  const jit::ThreadScope scope(isa);
  const std::size_t ld = ld_of(tables.columns);
  const auto place_table = [&](GuardedBuffer& buffer, const auto& table) {
    using Value = typename std::decay_t<decltype(table)>::value_type;
    const std::size_t entries = table.size() / tables.columns;
    auto* placed =
        buffer.place<Value>(strided_count(entries, ld, tables.columns), edge_, nan_bytes);
    for (std::size_t entry = 0; entry < entries; ++entry)
      std::copy_n(&table[entry * tables.columns], tables.columns, placed + entry * ld);
    return placed;
  };
  jit::EmbeddingArgs args;
  args.ids = tables.ids.data();
  args.segments = tables.segments.data();
  args.positions = tables.positions.data();
  args.rows = tables.ids.size();
  args.columns = tables.columns;
  args.word = place_table(word_, words);
  args.word_scale = tables.word_scale.data();
  args.type = place_table(type_, tables.type);
  args.position = place_table(position_, tables.position);
  args.table_ld = ld;
  args.ld = ld;
  args.out = out_.place<float>(strided_count(args.rows, ld, tables.columns), edge_, nan_bytes);
  (jit::Kernels::of(isa).rows().*kernel)(&args);
  return take_rows(args.out, args.rows, tables.columns);
}

SoftmaxRows RowArena::softmax_bf16(jit::Isa isa, const Rows& scores) {
  SoftmaxRows taken = softmax_tiles(isa, scores, jit::bf16_bytes, &jit::RowKernels::softmax_bf16);
  taken.q = as_bf16(taken.q);
  return taken;
}

QuantizedRows RowArena::round_bf16(jit::Isa isa, const Rows& x) {
  const jit::ThreadScope scope(isa);
  jit::RoundArgs args;
  args.x = place_rows(x_, x);
  args.ld = ld_of(x.columns);
  args.rows = x.rows;
  args.columns = x.columns;
  args.tiles = place_tiles(x.rows, x.columns * jit::bf16_bytes);
  args.largest = per_row_.place<float>(x.rows, edge_, nan_bytes);
  jit::Kernels::of(isa).rows().round_bf16(&args);
  QuantizedRows taken = as_bf16(take_tiles(x.rows, x.columns * jit::bf16_bytes));
  taken.scale.assign(args.largest, args.largest + x.rows);
  return taken;
}

QuantizedRows RowArena::pack_keys_bf16(jit::Isa isa, const Rows& x) {
  round_bf16(isa, x);
  const jit::ThreadScope scope(isa);
  const std::size_t bytes = jit::packed_bf16_bytes(x.rows, x.columns);
  jit::TransposeArgs args;
  args.from = tiles_;
  args.to = word_.place<std::uint8_t>(bytes, edge_, garbage_bytes);
  args.tiles = bytes / jit::tile_bytes;
  jit::Kernels::of(isa).rows().transpose_tiles(&args);
  return as_bf16(
      take_packed(static_cast<const std::int8_t*>(args.to), x.rows, x.columns * jit::bf16_bytes));
}

QuantizedRows RowArena::pack_values_bf16(jit::Isa isa, const Rows& x) {
  const jit::ThreadScope scope(isa);
  jit::PackBf16Args args;
  args.x = place_rows(x_, x);
  args.ld = ld_of(x.columns);
  args.rows = x.rows;
  args.columns = x.columns;
  auto* packed =
      out_.place<std::int8_t>(jit::packed_bf16_bytes(x.columns, x.rows), edge_, garbage_bytes);
  args.packed = packed;
  jit::Kernels::of(isa).rows().pack_values_bf16(&args);
  return as_bf16(take_packed(packed, x.columns, x.rows * jit::bf16_bytes));
}

}  // namespace bertq::testing
