#include <cmath>
#include <cstring>

#include "jit/bf16.h"
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

std::uint16_t bf16_at(const void* matrix, std::size_t offset) {
  std::uint16_t value = 0;
  std::memcpy(&value, static_cast<const std::byte*>(matrix) + offset, sizeof value);
  return value;
}

float dot_bf16(const GemmArgs& args, std::size_t m, std::size_t n) {
  float sum = 0.0F;
  for (std::size_t k = 0; k < round_up(args.k, bf16_tile_depth); ++k) {
    const float a = from_bf16(bf16_at(args.a, bf16_tile_offset(m, k, args.k)));
    const float b = from_bf16(bf16_at(args.b, packed_bf16_offset(n, k, args.k)));
    sum = std::fma(a, b, sum);
  }
  return sum;
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
        store(args, m, n, finish(spec_, args, m, n, dot(args, m, n)));
      }
    }
  }
  const std::string& name() const override { return name_; }

 private:
  float dot(const GemmArgs& args, std::size_t m, std::size_t n) const {
    switch (spec_.operands) {
      case Operands::f32:
        return dot_f32(args, m, n);
      case Operands::u8s8:
        return dot_u8s8(args, m, n);
      case Operands::bf16:
        return dot_bf16(args, m, n);
    }
    return 0.0F;
  }

  void store(const GemmArgs& args, std::size_t m, std::size_t n, float v) const {
    auto* const tiles = static_cast<std::uint8_t*>(args.c);
    switch (spec_.output) {
      case Output::f32:
        static_cast<float*>(args.c)[m * args.ldc + n] = v;
        break;
      case Output::u8_tiles:
        tiles[tile_offset(m, n, args.ldc)] =
            reference::quantize_fused(v, args.output_multiplier[n], args.output_offset[n]);
        break;
      case Output::bf16_tiles: {
        const std::uint16_t rounded = to_bf16(v);
        std::memcpy(tiles + bf16_tile_offset(m, n, args.ldc), &rounded, sizeof rounded);
        break;
      }
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
