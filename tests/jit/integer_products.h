// Operands of u8 x s8 products that are likely to find a wrong kernel, and the exact results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gemm_arena.h"

namespace bertq::testing {

enum class Fill {
  random,
  lowest,           // all 255 x -128
  highest,          // all 255 x 127
  alternating,      // the ends of both ranges, alternating along both dimensions
  one_hot,          // row m of C is a column of B: a transposed or shifted index shows
  zero_point_only,  // all activations 128, which stands for 0
};
inline constexpr std::size_t fill_count = 6;

// Fills a_int and b_int of a problem whose sizes are set. `variant` makes problems of the same fill
// differ.
void fill_operands(GemmProblem& problem, Fill fill, std::size_t variant);

// compensation = zero_point * column sum of B.
void fill_compensation(GemmProblem& problem, std::int32_t zero_point);

// The exact sums over k: [m][n].
std::vector<std::int32_t> integer_sums(const GemmProblem& problem);

// What a kernel of bare sums must leave in C: float(sum - compensation), exact below 2^24. Throws
// std::logic_error if a difference is not.
Elements expected_sums(const GemmProblem& problem);

}  // namespace bertq::testing
