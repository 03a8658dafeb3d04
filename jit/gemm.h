// One family of matrix products: C[m][n] = epilogue(sum over k of A[m][k] * B[n][k]).
//
// FP32: each element is one chain of fused multiply-adds over k = 0, 1, 2, ... from +0. u8 x s8:
// the int32 sum is exact (k <= most_depth, so that 255 * 128 * k fits), and so the same on every
// instruction set. The epilogue's arithmetic is spelled out below and is the same everywhere too:
// every path gives the same bits as the plain C++ of `reference`.
//
// BF16: FP32's chain over the widened numbers, to the end of the tile, whose padding must be zeros
// in A as well as in B. A path with fast BF16 (isa.h) adds in its hardware's own order instead: two
// products and the sum at a time (vdpbf16ps), or 32 in a tile, even and odd ones apart (tdpbf16ps).
// Then only these bits are its own; in any case they do not depend on the other rows or columns.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

#include "jit/isa.h"

namespace bertq::jit {

inline constexpr std::size_t most_depth = 65'793;  // of u8 x s8

enum class Operands : std::uint8_t { f32, u8s8, bf16 };
enum class Activation : std::uint8_t { none, relu, gelu_erf, gelu_tanh, tanh };
enum class Output : std::uint8_t { f32, u8_tiles, bf16_tiles };

// What a kernel is compiled for: the cache's key, the generator's input and the kernel's name.
//
//   v = f32, bf16: acc;  u8s8: float(acc - compensation[n])
//   v = v * row_scale[m]                                    if row_scale
//   v = fma(v, column_scale[n], bias[n])                    if column_scale and bias
//     | v * column_scale[n] | v + bias[n] | v               if one | the other | neither
//   v = activation(v)
//   v = v + residual[m][n]                                  if residual
//   f32: C = v;  bf16: C = to_bf16(v) (bf16.h)
//   u8: C = clamp(rne(fma(v, output_multiplier[n], output_offset[n])), 0, 255)
struct GemmSpec {
  Operands operands = Operands::f32;
  bool row_scale = false;
  bool column_scale = false;
  bool bias = false;
  Activation activation = Activation::none;
  bool residual = false;
  Output output = Output::f32;

  friend auto operator<=>(const GemmSpec&, const GemmSpec&) = default;
  std::string name() const;  // "u8s8.rs.cs.bias.gelu_erf.f32"
};

// Sizes in elements. Vectors over n (compensation, column_scale, bias, output_...) and all f32 rows
// are padded to a multiple of 16 columns (layout.h); the padded columns of C are written as well.
// What lies behind them in a tile of C is not: who reads C as bf16 needs a multiple of 32 columns.
struct GemmArgs {
  std::size_t m = 0, n = 0, k = 0;
  const void* a = nullptr;                     // f32 [m][lda], or tiles of k columns
  std::size_t lda = 0;                         // f32 only
  const void* b = nullptr;                     // packed f32, s8 or bf16, n x k
  const std::int32_t* compensation = nullptr;  // [n], u8s8 only: zero point * column sum
  const float* row_scale = nullptr;            // [m]
  const float* column_scale = nullptr;         // [n]
  const float* bias = nullptr;                 // [n]
  const float* residual = nullptr;             // [m][residual_ld]; may be C itself
  std::size_t residual_ld = 0;
  void* c = nullptr;    // f32 [m][ldc], or tiles of ldc columns
  std::size_t ldc = 0;  // f32: leading dimension; else columns of the tiled matrix
  const float* output_multiplier = nullptr;  // [n], u8 only: 1 / scale
  const float* output_offset = nullptr;      // [n], u8 only: the zero point
};

// A half-open range.
struct Range {
  std::size_t begin = 0, end = 0;
};

// A product compiled for one instruction set. Owned by the Kernels it comes from; immutable, so any
// number of threads may run it at once. Allocates nothing.
class Gemm {
 public:
  virtual ~Gemm() = default;
  // Computes the block rows x columns of C. Both begin at a multiple of 16; each ends at one or at
  // m, n. Needs an active ThreadScope (kernels.h).
  virtual void run(const GemmArgs& args, Range rows, Range columns) const = 0;
  // The name under which profilers see the kernel, "avx512_vnni.gemm.u8s8.rs.cs.bias.f32".
  virtual const std::string& name() const = 0;
};

}  // namespace bertq::jit
