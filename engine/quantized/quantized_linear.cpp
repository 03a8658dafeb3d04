#include "engine/quantized/quantized_linear.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bertq/error.h"
#include "engine/model/input_format.h"
#include "engine/quantized/torch_range.h"
#include "jit/layout.h"
#include "jit/pack.h"

namespace bertq::engine {
namespace {

constexpr float most = 127.0F;        // of Q8BERT
constexpr std::int32_t middle = 128;  // its zero point, in u8
constexpr float bias_scale_tolerance = 1e-5F;

// Places in the array of ranges, a line of 16 floats.
enum RangePlace : std::size_t { input_scale, input_zero, output_scale, output_zero, bias_scale };
constexpr std::size_t range_places = 16;

bool is_q8bert_form(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::q8bert_ema || arithmetic == Arithmetic::q8bert_dynamic;
}

bool has_given_ranges(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::q8bert_ema || arithmetic == Arithmetic::torch_static;
}

bool has_float_weights(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::fp32 || arithmetic == Arithmetic::torch_static_fp32;
}

// What the product's kernel does; what is rounded to 8 bits goes on in requantize.h.
jit::GemmSpec spec_for(const LayerForm& form, const Epilogue& epilogue) {
  jit::GemmSpec spec;
  const bool whole = !form.requantized;
  if (whole) spec.activation = epilogue.activation;
  spec.residual = whole && epilogue.residual;
  spec.bias = !is_q8bert_form(form.arithmetic);
  if (has_float_weights(form.arithmetic)) return spec;
  spec.operands = jit::Operands::u8s8;
  spec.column_scale = whole;
  return spec;
}

// So that no sum of it and products overflows. At this bound a bias is far beyond all of them.
double largest_bias(std::size_t inputs) {
  return 0x1p30 - 127.0 * 127.0 * static_cast<double>(inputs);
}

}  // namespace

void LinearScratch::fit(std::size_t columns) {
  compensation.resize(std::max(columns, compensation.size()));
  column_scale.resize(compensation.size());
  multiplier.resize(compensation.size());
}

QuantizedLinear::QuantizedLinear(WeightLoader& loader, const std::string& module,
                                 std::size_t outputs, std::size_t inputs, const LayerForm& form,
                                 const LayerRanges* ranges, const Epilogue& epilogue)
    : module_(module),
      outputs_(outputs),
      inputs_(inputs),
      form_(form),
      epilogue_(epilogue),
      gemm_(&loader.kernels().gemm(spec_for(form, epilogue))),
      kernels_(&loader.kernels().rows()) {
  loader.check_inputs(module, inputs);
  if (has_float_weights(form.arithmetic)) {
    bias_ = loader.vector(module + ".bias", outputs);
    weights_ = loader.f32_weight(module, outputs, inputs, {});
    if (!rounds_input()) return;
    load_ranges(loader, ranges);
    prepare_rounding(loader);
    return;
  }
  load_integers(loader);
  if (has_given_ranges(form.arithmetic)) load_ranges(loader, ranges);
  load_bias(loader);
  check_integer_bias(loader);
  if (has_given_ranges(form.arithmetic)) prepare_given(loader);
}

void QuantizedLinear::load_integers(WeightLoader& loader) {
  const std::size_t padded = jit::padded_columns(outputs_);
  const auto packed =
      loader.array<std::int8_t>(module_ + ".weight.s8", jit::packed_s8_bytes(outputs_, inputs_));
  const auto sums = loader.derived<std::int32_t>(padded);
  const auto scale = loader.array<float>(module_ + ".weight.scale", padded);
  weights_ = packed.data();
  column_sums_ = sums;
  weight_scale_ = scale;
  if (loader.is_packed()) {
    jit::column_sums_s8(packed.data(), outputs_, inputs_, sums.data());
    check_scales(loader);
    return;
  }
  const auto scales = loader.source().integer_scales(module_ + ".weight", loaders::DType::i8);
  if (scales.empty()) {
    throw Error(ErrorKind::input,
                loader.place(module_ + ".weight") + ": expected INT8 weights, got floats");
  }
  for (std::size_t row = 0; row < outputs_; ++row) {
    const double own = scales[scales.size() == 1 ? 0 : row];
    scale[row] = static_cast<float>(is_q8bert_form(form_.arithmetic) ? 1.0 / own : own);
  }
  loader.for_each_int8_slice(module_ + ".weight", outputs_, inputs_,
                             [&](std::size_t row, std::span<const std::int8_t> slice) {
                               jit::pack_s8(slice.data(), row, slice.size() / inputs_, inputs_,
                                            packed.data(), sums.data());
                             });
}

// Of packed weights: a checkpoint's have been checked where they were read.
void QuantizedLinear::check_scales(const WeightLoader& loader) const {
  const auto scales = weight_scale_.first(outputs_);
  if (std::all_of(scales.begin(), scales.end(),
                  [](float scale) { return std::isnormal(scale) && scale > 0.0F; })) {
    return;
  }
  throw Error(ErrorKind::input,
              loader.place(module_ + ".weight.scale") + ": expected positive scales");
}

void QuantizedLinear::load_ranges(WeightLoader& loader, const LayerRanges* ranges) {
  const auto places = loader.array<float>(module_ + ".ranges", range_places);
  ranges_ = places;
  if (loader.is_packed()) return;
  if (ranges == nullptr) {
    throw Error(ErrorKind::input, loader.place(module_ + ".weight") +
                                      ": expected the range of its input beside it, found none");
  }
  places[input_scale] = ranges->input_scale;
  places[input_zero] = ranges->input_zero_point;
  places[output_scale] = ranges->output_scale;
  places[output_zero] = ranges->output_zero_point;
  if (!has_float_weights(form_.arithmetic)) {
    places[bias_scale] = ranges->input_scale * weight_scale_[0];  // of Q8BERT
  }
}

void QuantizedLinear::load_bias(WeightLoader& loader) {
  if (form_.arithmetic != Arithmetic::q8bert_ema) {
    bias_ = loader.vector(module_ + ".bias", outputs_);
    return;
  }
  const auto bias =
      loader.array<std::int32_t>(module_ + ".bias.i32", jit::padded_columns(outputs_));
  integer_bias_ = bias;
  if (loader.is_packed()) return;
  const std::string name = module_ + ".bias";
  const float scale = ranges_[bias_scale];
  const auto stored = loader.source().integer_scales(name, loaders::DType::i32);
  if (stored.empty()) {
    std::vector<float> values(outputs_);
    loader.source().read(name, 0, values);
    std::transform(values.begin(), values.end(), bias.begin(),
                   [&](float value) { return integer_bias(value, scale); });
    return;
  }
  const auto own = static_cast<float>(1.0 / stored.front());
  if (std::fabs(own - scale) > bias_scale_tolerance * scale) {
    throw Error(ErrorKind::input, loader.place(name) + ": expected " + module_ +
                                      ".bias_scale to be " + std::to_string(scale) +
                                      ", the product of the input's scale and the weight's, got " +
                                      std::to_string(own));
  }
  loader.source().read_integers(name, 0, bias.first(outputs_));
}

// Of numbers that a file gives.
void QuantizedLinear::check_integer_bias(const WeightLoader& loader) const {
  for (const std::int32_t value : integer_bias_) {
    if (std::abs(static_cast<double>(value)) <= largest_bias(inputs_)) continue;
    throw Error(ErrorKind::input,
                loader.place(module_ + (loader.is_packed() ? ".bias.i32" : ".bias")) +
                    ": expected numbers whose sum with the "
                    "products fits 32 bits, got " +
                    std::to_string(value));
  }
}

std::int32_t QuantizedLinear::integer_bias(float bias, float scale) const {
  const double bound = largest_bias(inputs_);
  const double value = std::nearbyint(static_cast<double>(bias * scale));
  return static_cast<std::int32_t>(std::clamp(value, -bound, bound));
}

void QuantizedLinear::check_ranges(const WeightLoader& loader) const {
  const auto positive = [&](float value) { return value > 0.0F && std::isnormal(value); };
  const auto zero_point = [&](float value) { return value >= 0.0F && value <= 255.0F; };
  if (!positive(ranges_[input_scale]) || !zero_point(ranges_[input_zero]) ||
      !zero_point(ranges_[output_zero]) ||
      (form_.requantized && !positive(ranges_[output_scale]))) {
    throw Error(ErrorKind::input,
                loader.place(module_ + ".ranges") +
                    ": expected ranges with positive scales and zero points from 0 to 255");
  }
}

void QuantizedLinear::prepare_rounding(const WeightLoader& loader) {
  check_ranges(loader);
  input_multiplier_.assign(jit::padded_columns(inputs_), 1.0F / ranges_[input_scale]);
  input_table_ = code_table(ranges_[input_scale], static_cast<std::int32_t>(ranges_[input_zero]),
                            jit::Activation::none);
  multiplier_.assign(jit::padded_columns(outputs_), 1.0F / ranges_[output_scale]);
  table_ = code_table(ranges_[output_scale], static_cast<std::int32_t>(ranges_[output_zero]),
                      epilogue_.activation);
}

void QuantizedLinear::prepare_given(const WeightLoader& loader) {
  check_ranges(loader);
  const std::size_t padded = column_sums_.size();
  const bool q8bert = form_.arithmetic == Arithmetic::q8bert_ema;
  given_ = q8bert ? CodeRange{1.0F / ranges_[input_scale], ranges_[input_scale], middle}
                  : CodeRange{ranges_[input_scale], 1.0F / ranges_[input_scale],
                              static_cast<std::int32_t>(ranges_[input_zero])};
  compensation_.resize(padded);
  for (std::size_t i = 0; i < padded; ++i) {
    compensation_[i] = given_.zero_point * column_sums_[i] - (q8bert ? integer_bias_[i] : 0);
  }
  if (q8bert && !form_.requantized) column_scale_.assign(padded, 1.0F / ranges_[bias_scale]);
  if (!form_.requantized) return;
  if (q8bert) {
    multiplier_.assign(padded, ranges_[output_scale]);
    table_ = code_table(1.0F / ranges_[output_scale], middle, epilogue_.activation);
    return;
  }
  const bool per_tensor = std::all_of(weight_scale_.begin(),
                                      weight_scale_.begin() + static_cast<std::ptrdiff_t>(outputs_),
                                      [&](float scale) { return scale == weight_scale_[0]; });
  offset_.resize(padded);
  multiplier_.resize(padded);
  for (std::size_t i = 0; i < outputs_; ++i) {
    const float scale = given_.scale * weight_scale_[i];
    offset_[i] = per_tensor ? bias_[i] * (1.0F / scale) : bias_[i] / scale;
    multiplier_[i] = scale / ranges_[output_scale];
  }
  table_ = code_table(ranges_[output_scale], static_cast<std::int32_t>(ranges_[output_zero]),
                      epilogue_.activation);
}

RangeScope QuantizedLinear::scope() const {
  switch (form_.arithmetic) {
    case Arithmetic::fp32:
    case Arithmetic::torch_static_fp32:
      return RangeScope::none;
    case Arithmetic::torch_dynamic:
      return RangeScope::batch;
    case Arithmetic::q8bert_dynamic:
      return RangeScope::sequence;
    case Arithmetic::torch_static:
    case Arithmetic::q8bert_ema:
      break;
  }
  return RangeScope::given;
}

bool QuantizedLinear::shares_codes_of(const QuantizedLinear& other) const {
  return form_.arithmetic == other.form_.arithmetic &&
         form_.reduced_range == other.form_.reduced_range &&
         given_.inverse == other.given_.inverse && given_.zero_point == other.given_.zero_point;
}

bool QuantizedLinear::finishes_later() const {
  return form_.arithmetic == Arithmetic::q8bert_dynamic && form_.requantized;
}

CodeRange QuantizedLinear::range_of(const RowRange& input) const {
  if (form_.arithmetic == Arithmetic::torch_dynamic) {
    const TorchRange range = torch_range(input.lowest, input.highest, form_.reduced_range);
    return {range.scale, 1.0F / range.scale, range.zero_point};
  }
  const float multiplier = most / input.largest_magnitude();
  // All zeros: any range gives the codes of zeros.
  if (!std::isnormal(multiplier)) return {1.0F, 1.0F, middle};
  return {1.0F / multiplier, multiplier, middle};
}

void QuantizedLinear::round_input(const FloatRows& in, std::size_t rows) const {
  Requantization how;
  how.multiplier = input_multiplier_.data();
  how.zero_point = static_cast<std::int32_t>(ranges_[input_zero]);
  how.table = &*input_table_;
  requantize(how, in, {}, rows, {0, inputs_});
}

void QuantizedLinear::quantize(const CodeRange& range, const FloatRows& in, const TileRows& out,
                               std::size_t rows) const {
  jit::QuantizeArgs args;
  args.x = in.data;
  args.ld = in.ld;
  args.rows = rows;
  args.columns = inputs_;
  args.tiles = out.tiles;
  args.inverse_scale = range.inverse;
  args.zero_point = range.zero_point;
  args.least = is_q8bert_form(form_.arithmetic) ? 1 : 0;
  (form_.arithmetic == Arithmetic::torch_dynamic ? kernels_->quantize_fused
                                                 : kernels_->quantize_static)(&args);
}

// The vectors that follow from a range found while running.
void QuantizedLinear::fill_dynamic(const CodeRange& range, jit::Range columns, jit::GemmArgs& args,
                                   LinearScratch& scratch) const {
  const std::size_t end = jit::padded_columns(columns.end);
  if (form_.arithmetic == Arithmetic::torch_dynamic) {
    for (std::size_t i = columns.begin; i < end; ++i) {
      scratch.compensation[i] = range.zero_point * column_sums_[i];
      scratch.column_scale[i] = range.scale * weight_scale_[i];
    }
  } else {
    const float scale = weight_scale_[0] * range.inverse;
    for (std::size_t i = columns.begin; i < end; ++i) {
      scratch.compensation[i] = middle * column_sums_[i] - integer_bias(bias_[i], scale);
      scratch.column_scale[i] = 1.0F / scale;
    }
  }
  args.compensation = scratch.compensation.data();
  args.column_scale = scratch.column_scale.data();
}

void QuantizedLinear::run(const Rows& in, const CodeRange& range, const FloatRows& out,
                          const FloatRows& residual, std::size_t rows, jit::Range columns,
                          LinearScratch& scratch) const {
  jit::GemmArgs args;
  args.m = rows;
  args.n = outputs_;
  args.k = inputs_;
  const bool floats = has_float_weights(form_.arithmetic);
  args.a =
      floats ? static_cast<const void*>(in.f32.data) : static_cast<const void*>(in.tiled.tiles);
  args.lda = in.f32.ld;
  args.b = weights_;
  args.bias = form_.requantized && !floats ? offset_.data() : bias_.data();
  args.residual = residual.data;
  args.residual_ld = residual.ld;
  args.c = out.data;
  args.ldc = out.ld;
  if (scope() == RangeScope::given) {
    args.compensation = compensation_.data();
    args.column_scale = column_scale_.data();
  } else if (scope() != RangeScope::none) {
    fill_dynamic(range, columns, args, scratch);
  }
  gemm_->run(args, {0, rows}, columns);
  if (!form_.requantized || finishes_later()) return;
  Requantization how;
  how.multiplier = multiplier_.data();
  how.zero_point = static_cast<std::int32_t>(ranges_[output_zero]);
  how.table = &*table_;
  if (form_.arithmetic == Arithmetic::q8bert_ema) {
    how.divisor = ranges_[bias_scale];
    how.zero_point = middle;
    how.least = 1;
  }
  requantize(how, out, epilogue_.residual ? residual : FloatRows{}, rows, columns);
}

void QuantizedLinear::finish(const CodeRange& range, const RowRange& sums, const FloatRows& out,
                             const FloatRows& residual, std::size_t rows,
                             LinearScratch& scratch) const {
  const float scale = weight_scale_[0] * range.inverse;
  const float multiplier = most / (sums.largest_magnitude() / scale);
  const float usable = std::isnormal(multiplier) ? multiplier : 1.0F;
  const CodeTable table = code_table(1.0F / usable, middle, epilogue_.activation);
  std::fill_n(scratch.multiplier.begin(), jit::padded_columns(outputs_), usable);
  requantize({scale, scratch.multiplier.data(), middle, 1, &table}, out,
             epilogue_.residual ? residual : FloatRows{}, rows, {0, outputs_});
}

}  // namespace bertq::engine
