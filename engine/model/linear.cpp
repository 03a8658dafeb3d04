#include "engine/model/linear.h"

#include "bertq/error.h"
#include "engine/model/int8_weights.h"

namespace bertq::engine {
namespace {

jit::GemmSpec spec_for(const InputFormat& input, const Epilogue& epilogue) {
  jit::GemmSpec spec;
  spec.operands = input.operands();
  spec.row_scale = input.kind == InputFormat::Kind::dynamic_u8;
  spec.column_scale = input.is_int8();
  spec.bias = true;
  spec.activation = epilogue.activation;
  spec.residual = epilogue.residual;
  if (epilogue.tiled_output) {
    spec.output =
        epilogue.tiled_output->is_int8() ? jit::Output::u8_tiles : jit::Output::bf16_tiles;
  }
  return spec;
}

}  // namespace

Linear::Linear(WeightLoader& loader, const std::string& module, std::size_t outputs,
               std::size_t inputs, const LayerChoice& choice, const Epilogue& epilogue,
               jit::Activation producer)
    : module_(module),
      outputs_(outputs + epilogue.repeated_outputs.size()),
      inputs_(inputs + choice.extra_columns().size()),
      input_format_(InputFormat::of(loader, module, choice, inputs, producer)),
      output_format_(epilogue.tiled_output.value_or(InputFormat{})),
      gemm_(&loader.kernels().gemm(spec_for(input_format_, epilogue))) {
  const std::size_t corrections = choice.bias_correction.size();
  if (corrections != 0 && corrections != outputs) {
    throw Error(ErrorKind::input, "recipe: layer " + module + ": bias_correction: expected " +
                                      std::to_string(outputs) + " numbers, got " +
                                      std::to_string(corrections));
  }
  const std::vector<std::uint32_t>& repeated = epilogue.repeated_outputs;
  bias_ = loader.vector(module + ".bias", outputs, choice.bias_correction, repeated);
  if (input_format_.is_int8()) {
    const Int8Weights weights = load_int8_weights(loader, module, outputs, inputs, choice, repeated,
                                                  input_format_.zero_point);
    weights_ = weights.packed;
    compensation_ = weights.compensation;
    column_scale_ = weights.column_scale;
  } else if (input_format_.kind == InputFormat::Kind::bf16) {
    loader.check_inputs(module, inputs);
    weights_ = loader.bf16_weight(module, outputs, inputs, repeated);
  } else {
    loader.check_inputs(module, inputs);
    weights_ = loader.f32_weight(module, outputs, inputs, repeated);
  }
}

bool Linear::padding_is_zero() const {
  // Of bf16 as of s8: of its bytes.
  return !input_format_.tiled() ||
         engine::padding_is_zero(static_cast<const std::int8_t*>(weights_), outputs_,
                                 inputs_ * input_format_.element_bytes());
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
  if (input_format_.tiled()) args.a = in.tiled.tiles;
  if (input_format_.is_int8()) {
    args.row_scale = in.tiled.scale;
    args.compensation = compensation_.data();
    args.column_scale = column_scale_.data();
  }
  args.residual = residual.data;
  args.residual_ld = residual.ld;
  args.c = out.f32.data;
  args.ldc = out.f32.ld;
  if (output_format_.tiled()) {
    args.c = out.tiled.tiles;
    args.ldc = out.tiled.columns;
    args.output_multiplier = output_format_.multiplier.data();
    args.output_offset = output_format_.offset.data();
  }
  gemm_->run(args, {0, rows}, columns);
}

}  // namespace bertq::engine
