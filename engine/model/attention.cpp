#include "engine/model/attention.h"

#include <algorithm>
#include <cmath>

#include "bertq/error.h"
#include "engine/model/input_format.h"
#include "jit/layout.h"

namespace bertq::engine {
namespace {

constexpr std::size_t largest_block = 64;
constexpr std::size_t score_bytes = 64U << 10;
constexpr std::int32_t query_zero_point = 128;

jit::GemmSpec int8_spec() {
  jit::GemmSpec spec;
  spec.operands = jit::Operands::u8s8;
  spec.row_scale = true;
  spec.column_scale = true;
  return spec;
}

jit::GemmSpec f32_spec() {
  jit::GemmSpec spec;
  spec.row_scale = true;
  return spec;
}

bool is_int8_product(const Recipe& recipe, const std::string& module) {
  const LayerChoice& choice = recipe.of(module);
  if (choice.activations == Ranges::fixed && choice.precision == Precision::int8) {
    throw Error(ErrorKind::input,
                "recipe: layer " + module + ": attention has dynamic ranges only, got static");
  }
  return choice.precision == Precision::int8;
}

// Keys of one head as a packed f32 operand: n = tokens, k = columns.
void pack_keys_f32(const FloatRows& keys, std::size_t length, std::size_t columns, float* packed) {
  for (std::size_t row = 0; row < jit::padded_columns(length); ++row) {
    float* column = packed + jit::packed_f32_offset(row, 0, columns);
    for (std::size_t i = 0; i < columns; ++i) {
      column[i * jit::lanes] = row < length ? keys.row(row)[i] : 0.0F;
    }
  }
}

// Values of one head as a packed f32 operand: n = columns, k = tokens.
void pack_values_f32(const FloatRows& values, std::size_t length, std::size_t columns,
                     float* packed) {
  for (std::size_t first = 0; first < columns; first += jit::lanes) {
    const std::size_t count = std::min(jit::lanes, columns - first);
    for (std::size_t row = 0; row < length; ++row) {
      float* group = packed + jit::packed_f32_offset(first, row, length);
      std::copy_n(values.row(row) + first, count, group);
      std::fill_n(group + count, jit::lanes - count, 0.0F);
    }
  }
}

}  // namespace

AttentionChoice attention_choice(const Recipe& recipe, const std::string& layer_prefix) {
  AttentionChoice choice;
  choice.scores_module = layer_prefix + "attention.scores";
  choice.context_module = layer_prefix + "attention.context";
  choice.int8_scores = is_int8_product(recipe, choice.scores_module);
  choice.int8_context = is_int8_product(recipe, choice.context_module);
  return choice;
}

std::size_t attention_block(std::size_t length) {
  const std::size_t rows = score_bytes / (jit::padded_columns(length) * sizeof(float));
  return std::clamp(rows / jit::tile_rows * jit::tile_rows, jit::tile_rows, largest_block);
}

AttentionScratch::AttentionScratch(Arena& arena, std::size_t longest, std::size_t head_size) {
  const std::size_t tokens = jit::padded_columns(longest);
  const std::size_t columns = jit::padded_columns(head_size);
  // A shorter sequence may have larger blocks, but never more than these scores.
  const std::size_t scores_count = std::max(
      largest_block * jit::lanes, std::max(score_bytes / sizeof(float), jit::tile_rows * tokens));
  const std::size_t packed_keys =
      std::max(jit::packed_s8_bytes(longest, head_size),
               jit::packed_f32_count(longest, head_size) * sizeof(float));
  const std::size_t packed_values =
      std::max(jit::packed_s8_bytes(head_size, longest),
               jit::packed_f32_count(head_size, longest) * sizeof(float));
  keys = arena.allocate<std::byte>(packed_keys);
  values = arena.allocate<std::byte>(packed_values);
  key_scale = arena.allocate<float>(tokens);
  value_scale = arena.allocate<float>(columns);
  key_compensation = arena.allocate<std::int32_t>(tokens);
  query_tiles = arena.allocate<std::uint8_t>(jit::tiles_bytes(largest_block, head_size));
  query_scale = arena.allocate<float>(largest_block);
  scores = arena.allocate<float>(scores_count);
  probability_tiles = arena.allocate<std::uint8_t>(jit::tiles_bytes(largest_block, longest));
  reciprocal_sum = arena.allocate<float>(largest_block);
  context = arena.allocate<float>(largest_block * columns);
  zeros = arena.allocate<std::int32_t>(columns);
}

Attention::Attention(const jit::Kernels& kernels, std::size_t head_size)
    : kernels_(&kernels.rows()),
      head_size_(head_size),
      score_scale_(1.0F / std::sqrt(static_cast<float>(head_size))),
      int8_gemm_(&kernels.gemm(int8_spec())),
      f32_gemm_(&kernels.gemm(f32_spec())) {}

void Attention::run(const AttentionChoice& choice, const AttentionRows& rows, std::size_t head,
                    jit::Range queries, AttentionScratch& scratch,
                    const Stopwatch& stopwatch) const {
  const std::size_t column = head * head_size_;
  AttentionRows here = rows;
  for (FloatRows* view : {&here.query, &here.key, &here.value, &here.context}) {
    view->data += column;
  }
  stopwatch.timed(choice.scores_module, choice.int8_scores ? "pack_keys" : "pack_keys_f32",
                  [&] { pack_keys(choice, here, scratch); });
  stopwatch.timed(choice.context_module, choice.int8_context ? "pack_values" : "pack_values_f32",
                  [&] { pack_values(choice, here, scratch); });
  const std::size_t block = attention_block(rows.length);
  for (std::size_t row = queries.begin; row < queries.end; row += block) {
    const std::size_t count = std::min(block, queries.end - row);
    compute_scores(choice, here.query.from(row), count, rows.length, scratch, stopwatch);
    stopwatch.timed(choice.scores_module, choice.int8_context ? "softmax_u8" : "softmax_f32",
                    [&] { softmax(choice, count, rows.length, scratch); });
    compute_context(choice, here.context.from(row), count, rows.length, scratch, stopwatch);
  }
}

void Attention::pack_keys(const AttentionChoice& choice, const AttentionRows& head,
                          AttentionScratch& scratch) const {
  if (!choice.int8_scores) {
    pack_keys_f32(head.key, head.length, head_size_, reinterpret_cast<float*>(scratch.keys.data()));
    return;
  }
  jit::PackKeysArgs args;
  args.x = head.key.data;
  args.ld = head.key.ld;
  args.rows = head.length;
  args.columns = head_size_;
  args.packed = reinterpret_cast<std::int8_t*>(scratch.keys.data());
  args.scale = scratch.key_scale.data();
  args.sum = scratch.key_compensation.data();
  kernels_->pack_keys(&args);
  require_finite(scratch.key_scale.first(head.length), choice.scores_module);
  for (std::size_t i = 0; i < jit::padded_columns(head.length); ++i) {
    scratch.key_compensation[i] *= query_zero_point;
  }
}

void Attention::pack_values(const AttentionChoice& choice, const AttentionRows& head,
                            AttentionScratch& scratch) const {
  if (!choice.int8_context) {
    pack_values_f32(head.value, head.length, head_size_,
                    reinterpret_cast<float*>(scratch.values.data()));
    return;
  }
  jit::PackValuesArgs args;
  args.x = head.value.data;
  args.ld = head.value.ld;
  args.rows = head.length;
  args.columns = head_size_;
  args.packed = reinterpret_cast<std::int8_t*>(scratch.values.data());
  args.scale = scratch.value_scale.data();
  kernels_->pack_values(&args);
  require_finite(scratch.value_scale.first(head_size_), choice.context_module);
}

void Attention::compute_scores(const AttentionChoice& choice, const FloatRows& query,
                               std::size_t rows, std::size_t length, AttentionScratch& scratch,
                               const Stopwatch& stopwatch) const {
  jit::GemmArgs args;
  args.m = rows;
  args.n = length;
  args.k = head_size_;
  args.b = scratch.keys.data();
  args.row_scale = scratch.query_scale.data();
  args.c = scratch.scores.data();
  args.ldc = jit::padded_columns(length);
  if (choice.int8_scores) {
    const TileRows tiles{scratch.query_tiles.data(), scratch.query_scale.data(), head_size_};
    quantize_rows(stopwatch, *kernels_, InputFormat::dynamic(), query, tiles, rows,
                  choice.scores_module);
    for (std::size_t i = 0; i < rows; ++i) scratch.query_scale[i] *= score_scale_;
    args.a = tiles.tiles;
    args.compensation = scratch.key_compensation.data();
    args.column_scale = scratch.key_scale.data();
    stopwatch.timed_product(choice.scores_module, *int8_gemm_, jit::Operands::u8s8, rows, length,
                            head_size_, [&] {
                              int8_gemm_->run(args, {0, rows}, {0, length});
                            });
  } else {
    std::fill_n(scratch.query_scale.begin(), rows, score_scale_);
    args.a = query.data;
    args.lda = query.ld;
    stopwatch.timed_product(choice.scores_module, *f32_gemm_, jit::Operands::f32, rows, length,
                            head_size_, [&] {
                              f32_gemm_->run(args, {0, rows}, {0, length});
                            });
  }
}

void Attention::softmax(const AttentionChoice& choice, std::size_t rows, std::size_t length,
                        AttentionScratch& scratch) const {
  jit::SoftmaxArgs args;
  args.scores = scratch.scores.data();
  args.ld = jit::padded_columns(length);
  args.rows = rows;
  args.columns = length;
  args.tiles = scratch.probability_tiles.data();
  args.reciprocal_sum = scratch.reciprocal_sum.data();
  (choice.int8_context ? kernels_->softmax_u8 : kernels_->softmax_f32)(&args);
  require_finite(scratch.reciprocal_sum.first(rows), choice.scores_module);
}

void Attention::compute_context(const AttentionChoice& choice, const FloatRows& out,
                                std::size_t rows, std::size_t length, AttentionScratch& scratch,
                                const Stopwatch& stopwatch) const {
  // The kernels write whole groups of 16 columns, and the neighbours of a head are other heads.
  const bool direct = head_size_ % jit::lanes == 0;
  const FloatRows block =
      direct ? out : FloatRows{scratch.context.data(), jit::padded_columns(head_size_)};
  jit::GemmArgs args;
  args.m = rows;
  args.n = head_size_;
  args.k = length;
  args.b = scratch.values.data();
  args.row_scale = scratch.reciprocal_sum.data();
  args.c = block.data;
  args.ldc = block.ld;
  if (choice.int8_context) {
    args.a = scratch.probability_tiles.data();
    args.compensation = scratch.zeros.data();
    args.column_scale = scratch.value_scale.data();
    stopwatch.timed_product(choice.context_module, *int8_gemm_, jit::Operands::u8s8, rows,
                            head_size_, length, [&] {
                              int8_gemm_->run(args, {0, rows}, {0, head_size_});
                            });
  } else {
    args.a = scratch.scores.data();
    args.lda = jit::padded_columns(length);
    stopwatch.timed_product(choice.context_module, *f32_gemm_, jit::Operands::f32, rows, head_size_,
                            length, [&] {
                              f32_gemm_->run(args, {0, rows}, {0, head_size_});
                            });
  }
  if (direct) return;
  for (std::size_t row = 0; row < rows; ++row) {
    std::copy_n(block.row(row), head_size_, out.row(row));
  }
}

}  // namespace bertq::engine
