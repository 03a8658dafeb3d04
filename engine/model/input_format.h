// In which form a layer reads its input, and how f32 rows get there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/model/rows.h"
#include "engine/model/weight_loader.h"
#include "engine/precision/recipe.h"
#include "jit/gemm.h"
#include "jit/layout.h"
#include "jit/row_kernels.h"

namespace bertq::engine {

// Layers of equal formats share one quantised or rounded input.
struct InputFormat {
  enum class Kind : std::uint8_t { f32, bf16, dynamic_u8, static_u8 };

  Kind kind = Kind::f32;
  // Dynamic only. No value is below `lowest`; 0 if that is not known.
  std::int32_t zero_point = 0;
  float lowest = 0.0F;
  // Static only, one a column: q = clamp(rne(fma(x, multiplier, offset)), 0, 255).
  std::span<const float> multiplier = {}, offset = {};

  friend bool operator==(const InputFormat& a, const InputFormat& b);

  // Of a layer with `columns` inputs that reads what `producer` has put out. What a static format
  // points to lies in the loader's arena. Throws Error (input) naming `module` if the choice is
  // not for so many inputs.
  static InputFormat of(WeightLoader& loader, const std::string& module, const LayerChoice& choice,
                        std::size_t columns, jit::Activation producer);
  // A range for each row. The activations of a feed-forward block are almost one-sided: with a
  // zero point near the lowest byte, each step is half as long as a symmetric range would make it.
  static InputFormat dynamic(jit::Activation producer = jit::Activation::none);

  bool is_int8() const { return kind == Kind::dynamic_u8 || kind == Kind::static_u8; }
  // Whether the input is read from tiles, of elements of so many bytes, not from f32 rows.
  bool tiled() const { return kind != Kind::f32; }
  std::size_t element_bytes() const { return kind == Kind::bf16 ? jit::bf16_bytes : 1; }
  jit::Operands operands() const;
};

// Fills `out` from the first `rows` rows of `in`, in `format`; does nothing for f32. Throws Error
// (input) naming `module` if a value is not finite, or too large for bf16. Needs an active
// jit::ThreadScope.
void quantize_rows(const jit::RowKernels& kernels, const InputFormat& format, const FloatRows& in,
                   const TileRows& out, std::size_t rows, const std::string& module);

// Throws Error (input) naming `module` unless all values are finite.
void require_finite(std::span<const float> values, const std::string& module);

}  // namespace bertq::engine
