#include "engine/model/input_format.h"

#include <algorithm>
#include <cmath>

#include "bertq/error.h"

namespace bertq {
namespace {

constexpr InputFormat symmetric{InputFormat::Kind::dynamic_u8, 0.0F, 128, 0.0F};
// The lowest values are -0.16997 (erf) and -0.17004 (tanh). With 20 of the 255 steps for them they
// decide the scale only of rows that stay below 2, as few rows of real checkpoints do.
constexpr InputFormat after_gelu{InputFormat::Kind::dynamic_u8, 0.0F, 20, -0.1701F};
constexpr InputFormat after_relu{InputFormat::Kind::dynamic_u8, 0.0F, 0, 0.0F};

InputFormat dynamic_format(jit::Activation producer) {
  switch (producer) {
    case jit::Activation::gelu_erf:
    case jit::Activation::gelu_tanh:
      return after_gelu;
    case jit::Activation::relu:
      return after_relu;
    case jit::Activation::none:
    case jit::Activation::tanh:
      break;
  }
  return symmetric;
}

// Of a symmetric range, the byte 0 is not used.
float steps_above(const InputFormat& format) {
  return static_cast<float>(255 - format.zero_point);
}

}  // namespace

InputFormat InputFormat::of(const LayerChoice& choice, jit::Activation producer) {
  if (choice.precision == Precision::fp32) return {};
  if (choice.activations == Ranges::dynamic) return dynamic_format(producer);
  return {Kind::static_u8, choice.scale, choice.zero_point, 0.0F};
}

void require_finite(std::span<const float> values, const std::string& module) {
  if (std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) return;
  throw Error(ErrorKind::input, module + ": activations are not finite");
}

void quantize_rows(const jit::RowKernels& kernels, const InputFormat& format, const FloatRows& in,
                   const TileRows& out, std::size_t rows, const std::string& module) {
  if (!format.quantized()) return;
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
  args.inverse_scale = format.inverse_scale();
  args.zero_point = format.zero_point;
  kernels.quantize_static(&args);
}

}  // namespace bertq
