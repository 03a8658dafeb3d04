#include <cmath>

#include "jit/layout.h"
#include "jit/reference.h"
#include "jit/reference_math.h"

namespace bertq::jit {
namespace {

float dot_f32(const GemmArgs& args, std::size_t m, std::size_t n) {
  const float* a = static_cast<const float*>(args.a) + m * args.lda;
  const float* b = static_cast<const float*>(args.b) + packed_f32_offset(n, 0, args.k);
  float sum = 0.0F;
  for (std::size_t k = 0; k < args.k; ++k) sum = std::fma(a[k], b[k * lanes], sum);
  return sum;
}

float dot_u8s8(const GemmArgs& args, std::size_t m, std::size_t n) {
  const auto* a = static_cast<const std::uint8_t*>(args.a);
  const auto* b = static_cast<const std::int8_t*>(args.b);
  std::int32_t sum = 0;
  for (std::size_t k = 0; k < args.k; ++k) {
    sum += std::int32_t{a[tile_offset(m, k, args.k)]} * b[packed_s8_offset(n, k, args.k)];
  }
  return static_cast<float>(sum - args.compensation[n]);
}

float finish(const GemmSpec& spec, const GemmArgs& args, std::size_t m, std::size_t n, float v) {
  if (spec.row_scale) v *= args.row_scale[m];
  if (spec.column_scale && spec.bias) {
    v = std::fma(v, args.column_scale[n], args.bias[n]);
  } else if (spec.column_scale) {
    v *= args.column_scale[n];
  } else if (spec.bias) {
    v += args.bias[n];
  }
  v = reference::activate(spec.activation, v);
  if (spec.residual) v += args.residual[m * args.residual_ld + n];
  return v;
}

class ReferenceGemm final : public Gemm {
 public:
  explicit ReferenceGemm(const GemmSpec& spec)
      : spec_(spec), name_("reference.gemm." + spec.name()) {}

  void run(const GemmArgs& args, Range rows, Range columns) const override {
    for (std::size_t m = rows.begin; m < rows.end; ++m) {
      for (std::size_t n = columns.begin; n < padded_columns(columns.end); ++n) {
        const float sum =
            spec_.operands == Operands::f32 ? dot_f32(args, m, n) : dot_u8s8(args, m, n);
        store(args, m, n, finish(spec_, args, m, n, sum));
      }
    }
  }
  const std::string& name() const override { return name_; }

 private:
  void store(const GemmArgs& args, std::size_t m, std::size_t n, float v) const {
    if (spec_.output == Output::f32) {
      static_cast<float*>(args.c)[m * args.ldc + n] = v;
    } else {
      static_cast<std::uint8_t*>(args.c)[tile_offset(m, n, args.ldc)] =
          reference::quantize_fused(v, args.output_multiplier[n], args.output_offset[n]);
    }
  }

  GemmSpec spec_;
  std::string name_;
};

}  // namespace

std::unique_ptr<Gemm> make_reference_gemm(const GemmSpec& spec) {
  return std::make_unique<ReferenceGemm>(spec);
}

}  // namespace bertq::jit
