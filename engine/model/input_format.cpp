#include "engine/model/input_format.h"

#include <emmintrin.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bertq/error.h"
#include "jit/layout.h"

namespace bertq::engine {
namespace {

// Of a symmetric range, the byte 0 is not used.
float steps_above(const InputFormat& format) {
  return static_cast<float>(255 - format.zero_point);
}

void round_rows(const jit::RowKernels& kernels, const FloatRows& in, const TileRows& out,
                std::size_t rows, const std::string& module) {
  jit::RoundArgs args;
  args.x = in.data;
  args.ld = in.ld;
  args.rows = rows;
  args.columns = out.columns;
  args.tiles = out.tiles;
  args.largest = out.scale;
  kernels.round_bf16(&args);
  require_finite({out.scale, rows}, module);
}

}  // namespace

bool operator==(const InputFormat& a, const InputFormat& b) {
  return a.kind == b.kind && a.zero_point == b.zero_point && a.lowest == b.lowest &&
         std::ranges::equal(a.multiplier, b.multiplier) && std::ranges::equal(a.offset, b.offset);
}

jit::Operands InputFormat::operands() const {
  if (is_int8()) return jit::Operands::u8s8;
  return kind == Kind::bf16 ? jit::Operands::bf16 : jit::Operands::f32;
}

InputFormat InputFormat::dynamic(jit::Activation producer) {
  switch (producer) {
    case jit::Activation::gelu_erf:
    case jit::Activation::gelu_tanh:
      // The lowest values are -0.16997 (erf) and -0.17004 (tanh). With 20 of the 255 steps for
      // them they decide the scale only of rows that stay below 2, as few rows of real
      // checkpoints do.
      return {.kind = Kind::dynamic_u8, .zero_point = 20, .lowest = -0.1701F};
    case jit::Activation::relu:
      return {.kind = Kind::dynamic_u8, .zero_point = 0};
    case jit::Activation::none:
    case jit::Activation::tanh:
      break;
  }
  return {.kind = Kind::dynamic_u8, .zero_point = symmetric_zero_point};
}

InputFormat InputFormat::of(WeightLoader& loader, const std::string& module,
                            const LayerChoice& choice, std::size_t columns,
                            jit::Activation producer) {
  if (choice.precision == Precision::fp32) return {};
  if (choice.precision == Precision::bf16) return {.kind = Kind::bf16};
  if (choice.activations == Ranges::dynamic) return dynamic(producer);
  if (choice.scale.size() != choice.zero_point.size() ||
      (choice.scale.size() != 1 && choice.scale.size() != columns)) {
    throw Error(ErrorKind::input, "recipe: layer " + module + ": expected 1 or " +
                                      std::to_string(columns) + " scales, got " +
                                      std::to_string(choice.scale.size()));
  }
  const std::vector<std::uint32_t> extra = choice.extra_columns();
  const auto multiplier = loader.derived<float>(jit::padded_columns(columns + extra.size()));
  const auto offset = loader.derived<float>(jit::padded_columns(columns + extra.size()));
  for (std::size_t i = 0; i < columns; ++i) {
    const std::size_t channel = choice.equalized() ? i : 0;
    multiplier[i] = 1.0F / choice.scale[channel];
    offset[i] = static_cast<float>(choice.zero_point[channel]);
  }
  // Each column of a channel takes over where the one before it has come to its last step.
  for (std::size_t i = 0; i < extra.size(); ++i) {
    const bool first = i == 0 || extra[i - 1] != extra[i];
    multiplier[columns + i] = multiplier[extra[i]];
    offset[columns + i] = (first ? offset[extra[i]] : offset[columns + i - 1]) - 255.0F;
  }
  return {.kind = Kind::static_u8,
          .zero_point = 0,
          .lowest = 0.0F,
          .multiplier = multiplier,
          .offset = offset};
}

// Every row of a static range passes here, so four values at a time: the exponent of what is not
// finite is all ones.
void require_finite(std::span<const float> values, const std::string& module) {
  const __m128i magnitude = _mm_set1_epi32(0x7fffffff), largest = _mm_set1_epi32(0x7f7fffff);
  __m128i beyond = _mm_setzero_si128();
  std::size_t i = 0;
  for (; i + 4 <= values.size(); i += 4) {
    const __m128i bits = _mm_castps_si128(_mm_loadu_ps(values.data() + i));
    beyond = _mm_or_si128(beyond, _mm_cmpgt_epi32(_mm_and_si128(bits, magnitude), largest));
  }
  const std::span<const float> rest = values.subspan(i);
  if (_mm_movemask_epi8(beyond) == 0 &&
      std::all_of(rest.begin(), rest.end(), [](float x) { return std::isfinite(x); })) {
    return;
  }
  throw Error(ErrorKind::input, module + ": activations are not finite");
}

void quantize_rows(const jit::RowKernels& kernels, const InputFormat& format, const FloatRows& in,
                   const TileRows& out, std::size_t rows, const std::string& module) {
  if (!format.tiled()) return;
  if (format.kind == InputFormat::Kind::bf16) return round_rows(kernels, in, out, rows, module);
  jit::QuantizeArgs args;
  args.x = in.data;
  args.ld = in.ld;
  args.rows = rows;
  args.columns = out.columns;
  args.tiles = out.tiles;
  if (format.kind == InputFormat::Kind::dynamic_u8) {
    args.scale = out.scale;
    args.zero_point = format.zero_point;
    args.steps = steps_above(format);
    if (format.lowest < 0.0F) {
      args.least_range = -format.lowest * args.steps / static_cast<float>(format.zero_point);
    }
    kernels.quantize_dynamic(&args);
    require_finite({out.scale, rows}, module);
    return;
  }
  // Clamping would hide what is not finite.
  for (std::size_t row = 0; row < rows; ++row) require_finite({in.row(row), out.columns}, module);
  args.zero_point = 0;
  args.multiplier = format.multiplier.data();
  args.offset = format.offset.data();
  kernels.quantize_columns(&args);
}

}  // namespace bertq::engine
