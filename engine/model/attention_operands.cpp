#include "engine/model/attention_operands.h"

#include <algorithm>

#include "engine/model/input_format.h"
#include "jit/layout.h"

namespace bertq::engine {
namespace {

constexpr std::size_t largest_block = 64;
constexpr std::size_t score_bytes = 64U << 10;
constexpr std::int32_t query_zero_point = 128;

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

void pack_keys_int8(const jit::RowKernels& kernels, const std::string& module,
                    const FloatRows& keys, std::size_t length, std::size_t head_size,
                    AttentionScratch& scratch) {
  jit::PackKeysArgs args;
  args.x = keys.data;
  args.ld = keys.ld;
  args.rows = length;
  args.columns = head_size;
  args.packed = reinterpret_cast<std::int8_t*>(scratch.keys.data());
  args.scale = scratch.key_scale.data();
  args.sum = scratch.key_compensation.data();
  kernels.pack_keys(&args);
  require_finite(scratch.key_scale.first(length), module);
  for (std::size_t i = 0; i < jit::padded_columns(length); ++i) {
    scratch.key_compensation[i] *= query_zero_point;
  }
}

void pack_values_int8(const jit::RowKernels& kernels, const std::string& module,
                      const FloatRows& values, std::size_t length, std::size_t head_size,
                      AttentionScratch& scratch) {
  jit::PackValuesArgs args;
  args.x = values.data;
  args.ld = values.ld;
  args.rows = length;
  args.columns = head_size;
  args.packed = reinterpret_cast<std::int8_t*>(scratch.values.data());
  args.scale = scratch.value_scale.data();
  kernels.pack_values(&args);
  require_finite(scratch.value_scale.first(head_size), module);
}

// Keys that fill the last tile up are whatever lies there: their scores are in no answer.
void pack_keys_bf16(const jit::RowKernels& kernels, const std::string& module,
                    const FloatRows& keys, std::size_t length, std::size_t head_size,
                    AttentionScratch& scratch) {
  const TileRows tiles{scratch.key_tiles.data(), scratch.key_scale.data(), head_size,
                       jit::bf16_bytes};
  quantize_rows(kernels, {.kind = InputFormat::Kind::bf16}, keys, tiles, length, module);
  jit::TransposeArgs args;
  args.from = tiles.tiles;
  args.to = scratch.keys.data();
  args.tiles = jit::bf16_tiles_bytes(length, head_size) / jit::tile_bytes;
  kernels.transpose_tiles(&args);
}

void pack_values_bf16(const jit::RowKernels& kernels, const FloatRows& values, std::size_t length,
                      std::size_t head_size, AttentionScratch& scratch) {
  jit::PackBf16Args args;
  args.x = values.data;
  args.ld = values.ld;
  args.rows = length;
  args.columns = head_size;
  args.packed = scratch.values.data();
  kernels.pack_values_bf16(&args);
}

}  // namespace

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
      std::max(jit::packed_bf16_bytes(longest, head_size),
               jit::packed_f32_count(longest, head_size) * sizeof(float));
  const std::size_t packed_values =
      std::max(jit::packed_bf16_bytes(head_size, longest),
               jit::packed_f32_count(head_size, longest) * sizeof(float));
  key_tiles = arena.allocate<std::uint8_t>(jit::bf16_tiles_bytes(longest, head_size));
  keys = arena.allocate<std::byte>(packed_keys);
  values = arena.allocate<std::byte>(packed_values);
  key_scale = arena.allocate<float>(tokens);
  value_scale = arena.allocate<float>(columns);
  key_compensation = arena.allocate<std::int32_t>(tokens);
  query_tiles = arena.allocate<std::uint8_t>(jit::bf16_tiles_bytes(largest_block, head_size));
  query_scale = arena.allocate<float>(largest_block);
  scores = arena.allocate<float>(scores_count);
  probability_tiles = arena.allocate<std::uint8_t>(jit::bf16_tiles_bytes(largest_block, longest));
  reciprocal_sum = arena.allocate<float>(largest_block);
  context = arena.allocate<float>(largest_block * columns);
  zeros = arena.allocate<std::int32_t>(columns);
}

void pack_keys(const jit::RowKernels& kernels, Precision precision, const std::string& module,
               const FloatRows& keys, std::size_t length, std::size_t head_size,
               AttentionScratch& scratch) {
  switch (precision) {
    case Precision::fp32:
      pack_keys_f32(keys, length, head_size, reinterpret_cast<float*>(scratch.keys.data()));
      break;
    case Precision::bf16:
      pack_keys_bf16(kernels, module, keys, length, head_size, scratch);
      break;
    case Precision::int8:
      pack_keys_int8(kernels, module, keys, length, head_size, scratch);
      break;
  }
}

void pack_values(const jit::RowKernels& kernels, Precision precision, const std::string& module,
                 const FloatRows& values, std::size_t length, std::size_t head_size,
                 AttentionScratch& scratch) {
  switch (precision) {
    case Precision::fp32:
      pack_values_f32(values, length, head_size, reinterpret_cast<float*>(scratch.values.data()));
      break;
    case Precision::bf16:
      pack_values_bf16(kernels, values, length, head_size, scratch);
      break;
    case Precision::int8:
      pack_values_int8(kernels, module, values, length, head_size, scratch);
      break;
  }
}

}  // namespace bertq::engine
