#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "jit/bf16.h"
#include "jit/layout.h"
#include "jit/reference.h"
#include "jit/reference_math.h"

namespace bertq::jit {
namespace {

// A sum over 16 virtual lanes, halved to one: the order that all vector widths can follow.
template <typename Value>
float lane_sum(std::size_t columns, Value value) {
  std::array<float, lanes> sum{};
  for (std::size_t i = 0; i < columns; ++i) sum[i % lanes] += value(i);
  for (std::size_t half = lanes / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) sum[i] += sum[i + half];
  }
  return sum[0];
}

// The largest |x| of `count` values `stride` apart. Compared as integers, where NaN is above
// infinity is above all numbers: what is not finite is never lost.
float largest_magnitude(const float* x, std::size_t count, std::size_t stride) {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    largest = std::max(largest, std::bit_cast<std::uint32_t>(x[i * stride]) & 0x7fffffffU);
  }
  return std::bit_cast<float>(largest);
}

// Quantisation of values in -range..range to -steps..steps.
struct Quantizer {
  float scale, inverse;
  explicit Quantizer(float range, float steps = 127.0F)
      : scale(range < math::smallest_range ? 0.0F : range / steps),
        inverse(range < math::smallest_range ? 0.0F : steps / range) {}
  std::int32_t operator()(float x) const {
    return static_cast<std::int32_t>(reference::round_to_int(x * inverse));
  }
};

void layer_norm(const LayerNormArgs* args) {
  const auto columns = static_cast<float>(args->columns);
  for (std::size_t row = 0; row < args->rows; ++row) {
    float* x = args->x + row * args->ld;
    const auto mean_of_row = [&] {
      return lane_sum(args->columns, [&](std::size_t i) { return x[i]; }) / columns;
    };
    // The mean is rounded, and that error is not small beside the deviation of a row far from zero:
    // what it leaves is taken off as well.
    const float rounded_mean = mean_of_row();
    for (std::size_t i = 0; i < args->columns; ++i) x[i] -= rounded_mean;
    const float mean = mean_of_row();
    // Fused, lane by lane, as the kernels do it.
    std::array<float, lanes> squares{};
    for (std::size_t i = 0; i < args->columns; ++i) {
      const float d = x[i] - mean;
      squares[i % lanes] = std::fma(d, d, squares[i % lanes]);
    }
    const float variance = lane_sum(lanes, [&](std::size_t i) { return squares[i]; }) / columns;
    const float reciprocal = 1.0F / std::sqrt(variance + args->epsilon);
    for (std::size_t i = 0; i < args->columns; ++i) {
      x[i] = std::fma((x[i] - mean) * reciprocal, args->gamma[i], args->beta[i]);
    }
    args->reciprocal_deviation[row] = reciprocal;
  }
}

void fill_depth_padding(std::uint8_t* tiles, std::size_t row, std::size_t columns,
                        std::uint8_t value) {
  for (std::size_t i = columns; i < padded_depth(columns); ++i) {
    tiles[tile_offset(row, i, columns)] = value;
  }
}

void quantize_dynamic(const QuantizeArgs* args) {
  for (std::size_t row = 0; row < args->rows; ++row) {
    const float* x = args->x + row * args->ld;
    const float largest = largest_magnitude(x, args->columns, 1);
    const Quantizer quantize(reference::max(args->least_range, largest), args->steps);
    for (std::size_t i = 0; i < args->columns; ++i) {
      args->tiles[tile_offset(row, i, args->columns)] =
          static_cast<std::uint8_t>(quantize(x[i]) + args->zero_point);
    }
    fill_depth_padding(args->tiles, row, args->columns,
                       static_cast<std::uint8_t>(args->zero_point));
    args->scale[row] = quantize.scale;
  }
}

template <typename Quantize>
void quantize_each(const QuantizeArgs* args, Quantize quantize) {
  for (std::size_t row = 0; row < args->rows; ++row) {
    const float* x = args->x + row * args->ld;
    for (std::size_t i = 0; i < args->columns; ++i) {
      args->tiles[tile_offset(row, i, args->columns)] = quantize(x[i], i);
    }
    fill_depth_padding(args->tiles, row, args->columns,
                       static_cast<std::uint8_t>(args->zero_point));
  }
}

void quantize_static(const QuantizeArgs* args) {
  quantize_each(args, [&](float x, std::size_t) {
    return reference::quantize(x, args->inverse_scale, args->zero_point, args->least);
  });
}

void quantize_fused(const QuantizeArgs* args) {
  const auto zero_point = static_cast<float>(args->zero_point);
  quantize_each(args, [&](float x, std::size_t) {
    return reference::quantize_fused(x, args->inverse_scale, zero_point);
  });
}

void quantize_columns(const QuantizeArgs* args) {
  quantize_each(args, [&](float x, std::size_t column) {
    return reference::quantize_fused(x, args->multiplier[column], args->offset[column]);
  });
}

// A row of bf16 tiles: rounded(i), then zeros.
template <typename Rounded>
void store_bf16_row(void* tiles, std::size_t row, std::size_t columns, Rounded rounded) {
  for (std::size_t i = 0; i < round_up(columns, bf16_tile_depth); ++i) {
    const std::uint16_t value = i < columns ? rounded(i) : std::uint16_t{0};
    std::memcpy(static_cast<std::byte*>(tiles) + bf16_tile_offset(row, i, columns), &value,
                sizeof value);
  }
}

void round_bf16(const RoundArgs* args) {
  for (std::size_t row = 0; row < args->rows; ++row) {
    const float* x = args->x + row * args->ld;
    store_bf16_row(args->tiles, row, args->columns, [&](std::size_t i) { return to_bf16(x[i]); });
    args->largest[row] = from_bf16(to_bf16(largest_magnitude(x, args->columns, 1)));
  }
}

float largest_of(const float* x, std::size_t count) {
  float largest = x[0];
  for (std::size_t i = 1; i < count; ++i) largest = reference::max(largest, x[i]);
  return largest;
}

void softmax_u8(const SoftmaxArgs* args) {
  for (std::size_t row = 0; row < args->rows; ++row) {
    const float* scores = args->scores + row * args->ld;
    const float largest = largest_of(scores, args->columns);
    std::uint32_t sum = 0;  // scores that are not finite may overflow it
    for (std::size_t i = 0; i < args->columns; ++i) {
      const float p = reference::exp_nonpositive(scores[i] - largest);
      const std::int32_t q = reference::round_to_int(p * 255.0F);
      args->tiles[tile_offset(row, i, args->columns)] = static_cast<std::uint8_t>(q);
      sum += static_cast<std::uint32_t>(q);
    }
    fill_depth_padding(args->tiles, row, args->columns, 0);
    args->reciprocal_sum[row] = 1.0F / static_cast<float>(static_cast<std::int32_t>(sum));
  }
}

void softmax_f32(const SoftmaxArgs* args) {
  for (std::size_t row = 0; row < args->rows; ++row) {
    float* scores = args->scores + row * args->ld;
    const float largest = largest_of(scores, args->columns);
    for (std::size_t i = 0; i < args->columns; ++i) {
      scores[i] = reference::exp_nonpositive(scores[i] - largest);
    }
    args->reciprocal_sum[row] =
        1.0F / lane_sum(args->columns, [&](std::size_t i) { return scores[i]; });
  }
}

void softmax_bf16(const SoftmaxArgs* args) {
  for (std::size_t row = 0; row < args->rows; ++row) {
    const float* scores = args->scores + row * args->ld;
    const float largest = largest_of(scores, args->columns);
    const auto rounded = [&](std::size_t i) {
      return to_bf16(reference::exp_nonpositive(scores[i] - largest));
    };
    store_bf16_row(args->tiles, row, args->columns, rounded);
    args->reciprocal_sum[row] =
        1.0F / lane_sum(args->columns, [&](std::size_t i) { return from_bf16(rounded(i)); });
  }
}

void pack_keys(const PackKeysArgs* args) {
  for (std::size_t row = 0; row < padded_columns(args->rows); ++row) {
    const bool real = row < args->rows;
    const float* x = args->x + row * args->ld;
    const Quantizer quantize(real ? largest_magnitude(x, args->columns, 1) : 0.0F);
    std::uint32_t sum = 0;  // keys that are not finite may overflow it
    for (std::size_t i = 0; i < padded_depth(args->columns); ++i) {
      const std::int32_t q = real && i < args->columns ? quantize(x[i]) : 0;
      args->packed[packed_s8_offset(row, i, args->columns)] = static_cast<std::int8_t>(q);
      sum += static_cast<std::uint32_t>(q);
    }
    args->scale[row] = quantize.scale;
    args->sum[row] = static_cast<std::int32_t>(sum);
  }
}

void pack_values(const PackValuesArgs* args) {
  for (std::size_t column = 0; column < padded_columns(args->columns); ++column) {
    const bool real = column < args->columns;
    const float* x = args->x + column;
    const Quantizer quantize(real ? largest_magnitude(x, args->rows, args->ld) : 0.0F);
    for (std::size_t row = 0; row < padded_depth(args->rows); ++row) {
      const std::int32_t q = real && row < args->rows ? quantize(x[row * args->ld]) : 0;
      args->packed[packed_s8_offset(column, row, args->rows)] = static_cast<std::int8_t>(q);
    }
    args->scale[column] = quantize.scale;
  }
}

void transpose_tiles(const TransposeArgs* args) {
  constexpr std::size_t pair_bytes = 2 * bf16_bytes;
  for (std::size_t tile = 0; tile < args->tiles; ++tile) {
    const auto* from = static_cast<const std::byte*>(args->from) + tile * tile_bytes;
    auto* to = static_cast<std::byte*>(args->to) + tile * tile_bytes;
    for (std::size_t row = 0; row < tile_rows; ++row) {
      for (std::size_t pair = 0; pair < tile_depth / pair_bytes; ++pair) {
        std::memcpy(to + pair * tile_depth + row * pair_bytes,
                    from + row * tile_depth + pair * pair_bytes, pair_bytes);
      }
    }
  }
}

void pack_values_bf16(const PackBf16Args* args) {
  for (std::size_t column = 0; column < padded_columns(args->columns); ++column) {
    for (std::size_t row = 0; row < round_up(args->rows, bf16_tile_depth); ++row) {
      const bool real = column < args->columns && row < args->rows;
      const std::uint16_t value =
          real ? to_bf16(args->x[row * args->ld + column]) : std::uint16_t{0};
      std::memcpy(
          static_cast<std::byte*>(args->packed) + packed_bf16_offset(column, row, args->rows),
          &value, sizeof value);
    }
  }
}

const float* table_row(const EmbeddingArgs* args, const float* table, std::int32_t index) {
  return table + static_cast<std::size_t>(index) * args->table_ld;
}

void embed_f32(const EmbeddingArgs* args) {
  for (std::size_t row = 0; row < args->rows; ++row) {
    const float* word = table_row(args, static_cast<const float*>(args->word), args->ids[row]);
    const float* type = table_row(args, args->type, args->segments[row]);
    const float* position = table_row(args, args->position, args->positions[row]);
    for (std::size_t i = 0; i < args->columns; ++i) {
      args->out[row * args->ld + i] = (word[i] + type[i]) + position[i];
    }
  }
}

void embed_bf16(const EmbeddingArgs* args) {
  for (std::size_t row = 0; row < args->rows; ++row) {
    const auto id = static_cast<std::size_t>(args->ids[row]);
    const std::uint16_t* word = static_cast<const std::uint16_t*>(args->word) + id * args->table_ld;
    const float* type = table_row(args, args->type, args->segments[row]);
    const float* position = table_row(args, args->position, args->positions[row]);
    for (std::size_t i = 0; i < args->columns; ++i) {
      args->out[row * args->ld + i] = (from_bf16(word[i]) + type[i]) + position[i];
    }
  }
}

void embed_s8(const EmbeddingArgs* args) {
  for (std::size_t row = 0; row < args->rows; ++row) {
    const auto id = static_cast<std::size_t>(args->ids[row]);
    const std::int8_t* word = static_cast<const std::int8_t*>(args->word) + id * args->table_ld;
    const float* type = table_row(args, args->type, args->segments[row]);
    const float* position = table_row(args, args->position, args->positions[row]);
    for (std::size_t i = 0; i < args->columns; ++i) {
      args->out[row * args->ld + i] =
          std::fma(static_cast<float>(word[i]), args->word_scale[id], type[i] + position[i]);
    }
  }
}

}  // namespace

const RowKernels& reference_row_kernels() {
  static constexpr RowKernels kernels = {
      .layer_norm = layer_norm,
      .quantize_dynamic = quantize_dynamic,
      .quantize_static = quantize_static,
      .quantize_fused = quantize_fused,
      .quantize_columns = quantize_columns,
      .softmax_u8 = softmax_u8,
      .softmax_f32 = softmax_f32,
      .pack_keys = pack_keys,
      .pack_values = pack_values,
      .embed_f32 = embed_f32,
      .embed_s8 = embed_s8,
      .embed_bf16 = embed_bf16,
      .transpose_tiles = transpose_tiles,
      .pack_values_bf16 = pack_values_bf16,
      .round_bf16 = round_bf16,
      .softmax_bf16 = softmax_bf16,
  };
  return kernels;
}

}  // namespace bertq::jit
