// A linear layer in the arithmetic of the system that quantised it (layer_form.h).
//
//   codes   u8 of the input: clamp(rne(x * inverse) + zero point), the zero point within the
//           rounding for torch_dynamic
//   sum     int32, exact: sum of (code - zero point) * weight, for Q8BERT + the int32 bias
//   torch_dynamic        y = fma(float(sum), input scale * weight scale, bias)
//   torch_static         y = the 8 bits of (float(sum) + bias / (input scale * weight scale)) * M
//   torch_static_fp32    y = the 8 bits of what FP32 makes of the codes' values
//   q8bert_*             y = float(sum) / bias scale, and the 8 bits of that if requantized
//
// Then the epilogue: activation and residual.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/model/linear.h"
#include "engine/model/rows.h"
#include "engine/model/weight_loader.h"
#include "engine/quantized/layer_form.h"
#include "engine/quantized/requantize.h"
#include "engine/quantized/row_range.h"
#include "engine/quantized/stored_quantization.h"
#include "jit/gemm.h"

namespace bertq::engine {

// Which values share the range of a layer's input.
enum class RangeScope : std::uint8_t { none, given, batch, sequence };

// How an input becomes codes.
struct CodeRange {
  float scale = 0.0F;    // torch: of the codes
  float inverse = 0.0F;  // x * inverse
  std::int32_t zero_point = 0;
};

// One worker's vectors over the columns of any layer.
struct LinearScratch {
  std::vector<std::int32_t> compensation;
  std::vector<float> column_scale, multiplier;
  void fit(std::size_t columns);
};

// Immutable; any number of threads may run it at once, each with its own scratch.
class QuantizedLinear {
 public:
  // Loads `module`'s weight, which `form` says the type of, and bias. `ranges` are the file's, null
  // if it gives none; packed arrays bring their own. Throws Error (input).
  QuantizedLinear(WeightLoader& loader, const std::string& module, std::size_t outputs,
                  std::size_t inputs, const LayerForm& form, const LayerRanges* ranges,
                  const Epilogue& epilogue);

  const std::string& module() const { return module_; }
  std::size_t outputs() const { return outputs_; }
  std::size_t inputs() const { return inputs_; }
  const jit::Gemm& kernel() const { return *gemm_; }
  RangeScope scope() const;
  // Whether the codes of `other` are those of this layer, if both read the same rows.
  bool shares_codes_of(const QuantizedLinear& other) const;
  // torch_static_fp32: the product takes floats, but those that the input's codes stand for.
  bool rounds_input() const { return form_.arithmetic == Arithmetic::torch_static_fp32; }
  // The first `rows` rows of the input to those, in place.
  void round_input(const FloatRows& in, std::size_t rows) const;
  // Q8BERT dynamic: the result's range must be known before it is rounded. run() then stops there,
  // and finish() does the rest.
  bool finishes_later() const;

  CodeRange given_range() const { return given_; }
  CodeRange range_of(const RowRange& input) const;
  // The first `rows` rows; tiles from a multiple of 16. Needs an active jit::ThreadScope, as do
  // those below.
  void quantize(const CodeRange& range, const FloatRows& in, const TileRows& out,
                std::size_t rows) const;

  // `columns` from a multiple of 16 to one, or to outputs(). `residual` is not `out`, and is not
  // looked at unless the epilogue adds it.
  void run(const Rows& in, const CodeRange& range, const FloatRows& out, const FloatRows& residual,
           std::size_t rows, jit::Range columns, LinearScratch& scratch) const;
  // `sums`: the range of what run() left.
  void finish(const CodeRange& range, const RowRange& sums, const FloatRows& out,
              const FloatRows& residual, std::size_t rows, LinearScratch& scratch) const;

 private:
  void load_integers(WeightLoader& loader);
  void load_bias(WeightLoader& loader);
  void check_scales(const WeightLoader& loader) const;
  void check_integer_bias(const WeightLoader& loader) const;
  void load_ranges(WeightLoader& loader, const LayerRanges* ranges);
  void check_ranges(const WeightLoader& loader) const;
  void prepare_given(const WeightLoader& loader);
  void prepare_rounding(const WeightLoader& loader);
  std::int32_t integer_bias(float bias, float scale) const;
  void fill_dynamic(const CodeRange& range, jit::Range columns, jit::GemmArgs& args,
                    LinearScratch& scratch) const;

  std::string module_;
  std::size_t outputs_, inputs_;
  LayerForm form_;
  Epilogue epilogue_;
  const jit::Gemm* gemm_ = nullptr;
  const jit::RowKernels* kernels_ = nullptr;
  const void* weights_ = nullptr;
  // Vectors over the columns, padded.
  std::span<const std::int32_t> column_sums_;
  std::span<const float> weight_scale_;  // Q8BERT: the multiplier
  std::span<const float> bias_;          // not for q8bert_ema
  std::span<const std::int32_t> integer_bias_;
  std::span<const float> ranges_;
  // What follows from given ranges.
  CodeRange given_;
  std::vector<std::int32_t> compensation_;
  std::vector<float> column_scale_, offset_, multiplier_;
  std::optional<CodeTable> table_;
  // Of rounds_input().
  std::vector<float> input_multiplier_;
  std::optional<CodeTable> input_table_;
};

}  // namespace bertq::engine
