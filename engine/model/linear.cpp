#include "engine/model/linear.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <vector>

#include "bertq/error.h"
#include "engine/precision/symmetric.h"
#include "jit/layout.h"
#include "jit/pack.h"

namespace bertq {
namespace {

jit::GemmSpec spec_for(const InputFormat& input, const Epilogue& epilogue) {
  jit::GemmSpec spec;
  spec.operands = input.quantized() ? jit::Operands::u8s8 : jit::Operands::f32;
  spec.row_scale = input.kind == InputFormat::Kind::dynamic_u8;
  spec.column_scale = input.quantized();
  spec.bias = true;
  spec.activation = epilogue.activation;
  spec.residual = epilogue.residual;
  spec.output = epilogue.quantized_output ? jit::Output::u8_tiles : jit::Output::f32;
  return spec;
}

}  // namespace

Linear::Linear(WeightLoader& loader, const std::string& module, std::size_t outputs,
               std::size_t inputs, const LayerChoice& choice, const Epilogue& epilogue,
               jit::Activation producer)
    : module_(module),
      outputs_(outputs),
      inputs_(inputs),
      input_format_(InputFormat::of(choice, producer)),
      output_format_(epilogue.quantized_output.value_or(InputFormat{})),
      gemm_(&loader.kernels().gemm(spec_for(input_format_, epilogue))),
      bias_(loader.vector(module + ".bias", outputs)) {
  check_inputs(module, inputs);
  if (input_format_.quantized()) {
    load_int8(loader, choice.weights);
  } else {
    weights_ = loader.f32_weight(module, outputs, inputs);
  }
}

float Linear::largest_weight(WeightLoader& loader) const {
  float largest = 0.0F;
  loader.for_each_slice(module_ + ".weight", outputs_, inputs_,
                        [&](std::size_t, std::span<const float> slice) {
                          largest = std::max(largest, largest_magnitude(slice));
                        });
  return largest;
}

void Linear::load_int8(WeightLoader& loader, Granularity granularity) {
  const std::size_t padded = jit::padded_columns(outputs_);
  const std::span<std::int8_t> packed =
      loader.array<std::int8_t>(module_ + ".weight.s8", jit::packed_s8_bytes(outputs_, inputs_));
  compensation_ = loader.derived<std::int32_t>(padded);
  column_scale_ = loader.array<float>(module_ + ".weight.scale", padded);
  weights_ = packed.data();
  if (loader.is_packed()) {
    jit::column_sums_s8(packed.data(), outputs_, inputs_, compensation_.data());
  } else {
    const auto scales = loader.source().integer_scales(module_ + ".weight", loaders::DType::i8);
    if (scales.empty()) {
      quantize(loader, granularity, packed.data());
    } else {
      take_integers(loader, scales, packed.data());
    }
    if (input_format_.kind == InputFormat::Kind::static_u8) {
      for (float& column : column_scale_) column *= input_format_.scale;
    }
  }
  for (std::int32_t& sum : compensation_) sum *= input_format_.zero_point;
  check_scales(loader);
}

void Linear::take_integers(WeightLoader& loader, const std::vector<double>& scales,
                           std::int8_t* packed) {
  for (std::size_t row = 0; row < outputs_; ++row) {
    column_scale_[row] = static_cast<float>(scales[scales.size() == 1 ? 0 : row]);
  }
  loader.for_each_int8_slice(module_ + ".weight", outputs_, inputs_,
                             [&](std::size_t row, std::span<const std::int8_t> slice) {
                               jit::pack_s8(slice.data(), row, slice.size() / inputs_, inputs_,
                                            packed, compensation_.data());
                             });
}

void Linear::quantize(WeightLoader& loader, Granularity granularity, std::int8_t* packed) {
  const bool per_tensor = granularity == Granularity::per_tensor;
  SymmetricScale scale = per_tensor ? symmetric_scale(largest_weight(loader)) : SymmetricScale{};
  std::vector<std::int8_t> quantized;
  loader.for_each_slice(
      module_ + ".weight", outputs_, inputs_, [&](std::size_t row, std::span<const float> slice) {
        const std::size_t rows = slice.size() / inputs_;
        quantized.resize(slice.size());
        for (std::size_t i = 0; i < rows; ++i) {
          const std::span<const float> weights = slice.subspan(i * inputs_, inputs_);
          if (!per_tensor) scale = symmetric_scale(largest_magnitude(weights));
          quantize_symmetric(weights, scale, quantized.data() + i * inputs_);
          column_scale_[row + i] = scale.scale;
        }
        jit::pack_s8(quantized.data(), row, rows, inputs_, packed, compensation_.data());
      });
}

// A scale is 0 only where all weights of an output are. A file may claim anything else, and the
// product with a recipe's own scale may be too small for a float.
void Linear::check_scales(const WeightLoader& loader) const {
  const auto is_zero = [&](std::size_t output) {
    const auto* const packed = static_cast<const std::int8_t*>(weights_);
    for (std::size_t k = 0; k < inputs_; ++k) {
      if (packed[jit::packed_s8_offset(output, k, inputs_)] != 0) return false;
    }
    return true;
  };
  for (std::size_t output = 0; output < outputs_; ++output) {
    const float scale = column_scale_[output];
    if (std::isnormal(scale) && scale > 0.0F) continue;
    const bool is_zero_bits = std::bit_cast<std::uint32_t>(scale) == 0;
    if (is_zero_bits && is_zero(output)) continue;
    // Here denormals count as zeros, also for what would print them.
    std::array<char, 32> shown{"a denormal number, or -0"};
    if (is_zero_bits || scale != 0.0F) {
      shown = {};
      std::to_chars(shown.data(), shown.data() + shown.size() - 1, scale);
    }
    throw Error(ErrorKind::input, loader.place(module_ + ".weight.scale") + ": element " +
                                      std::to_string(output) + ": expected a positive scale, got " +
                                      shown.data());
  }
}

bool Linear::padding_is_zero() const {
  if (!input_format_.quantized()) return true;
  const auto* const packed = static_cast<const std::int8_t*>(weights_);
  for (std::size_t output = 0; output < jit::padded_columns(outputs_); ++output) {
    const std::size_t first = output < outputs_ ? inputs_ : 0;
    for (std::size_t k = first; k < jit::padded_depth(inputs_); ++k) {
      if (packed[jit::packed_s8_offset(output, k, inputs_)] != 0) return false;
    }
  }
  return true;
}

void Linear::run(const Rows& in, const Rows& out, const FloatRows& residual, std::size_t rows,
                 jit::Range columns) const {
  jit::GemmArgs args;
  args.m = rows;
  args.n = outputs_;
  args.k = inputs_;
  args.a = in.f32.data;
  args.lda = in.f32.ld;
  args.b = weights_;
  args.bias = bias_.data();
  if (input_format_.quantized()) {
    args.a = in.u8.tiles;
    args.row_scale = in.u8.scale;
    args.compensation = compensation_.data();
    args.column_scale = column_scale_.data();
  }
  args.residual = residual.data;
  args.residual_ld = residual.ld;
  args.c = out.f32.data;
  args.ldc = out.f32.ld;
  if (output_format_.quantized()) {
    args.c = out.u8.tiles;
    args.ldc = out.u8.columns;
    args.output_inverse_scale = output_format_.inverse_scale();
    args.output_zero_point = output_format_.zero_point;
  }
  gemm_->run(args, {0, rows}, columns);
}

}  // namespace bertq
