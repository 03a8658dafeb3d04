#include "engine/model/linear.h"

#include "bertq/error.h"
#include "engine/model/int8_weights.h"

namespace bertq::engine {
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
      input_format_(InputFormat::of(loader, module, choice, inputs, producer)),
      output_format_(epilogue.quantized_output.value_or(InputFormat{})),
      gemm_(&loader.kernels().gemm(spec_for(input_format_, epilogue))) {
  const std::size_t corrections = choice.bias_correction.size();
  if (corrections != 0 && corrections != outputs) {
    throw Error(ErrorKind::input, "recipe: layer " + module + ": bias_correction: expected " +
                                      std::to_string(outputs) + " numbers, got " +
                                      std::to_string(corrections));
  }
  bias_ = loader.vector(module + ".bias", outputs, choice.bias_correction);
  if (input_format_.quantized()) {
    const Int8Weights weights =
        load_int8_weights(loader, module, outputs, inputs, choice, input_format_.zero_point);
    weights_ = weights.packed;
    compensation_ = weights.compensation;
    column_scale_ = weights.column_scale;
  } else {
    check_inputs(module, inputs);
    weights_ = loader.f32_weight(module, outputs, inputs);
  }
}

bool Linear::padding_is_zero() const {
  return !input_format_.quantized() ||
         engine::padding_is_zero(static_cast<const std::int8_t*>(weights_), outputs_, inputs_);
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
    args.output_multiplier = output_format_.multiplier.data();
    args.output_offset = output_format_.offset.data();
  }
  gemm_->run(args, {0, rows}, columns);
}

}  // namespace bertq::engine
