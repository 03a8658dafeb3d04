// Results that are rounded to 8 bits before anything else sees them, as static quantisation and
// Q8BERT do: at most 256 values are left, so what follows (scale and activation) is a table.
#pragma once

#include <array>
#include <cstdint>

#include "engine/model/rows.h"
#include "jit/gemm.h"

namespace bertq::engine {

// What each code stands for, behind the activation.
using CodeTable = std::array<float, 256>;
// (code - zero_point) * step, activated.
CodeTable code_table(float step, std::int32_t zero_point, jit::Activation activation);

struct Requantization {
  float divisor = 1.0F;
  const float* multiplier = nullptr;  // [columns of the matrix]
  std::int32_t zero_point = 0;
  std::int32_t least = 0;
  const CodeTable* table = nullptr;
};

// x = table[clamp(rne(x / divisor * multiplier) + zero_point, least, 255)] + residual, in place, of
// the first `rows` rows. Without residual where its data is null. Rounds as MXCSR says.
void requantize(const Requantization& how, const FloatRows& x, const FloatRows& residual,
                std::size_t rows, jit::Range columns);

}  // namespace bertq::engine
