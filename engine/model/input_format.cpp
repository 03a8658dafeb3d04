#include "engine/model/input_format.h"

#include <algorithm>
#include <cmath>

#include "bertq/error.h"

namespace bertq {
namespace {

constexpr std::int32_t dynamic_zero_point = 128;

}  // namespace

InputFormat InputFormat::of(const LayerChoice& choice) {
  if (choice.precision == Precision::fp32) return {};
  if (choice.activations == Ranges::dynamic) {
    return {Kind::dynamic_u8, 0.0F, dynamic_zero_point};
  }
  return {Kind::static_u8, choice.scale, choice.zero_point};
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
