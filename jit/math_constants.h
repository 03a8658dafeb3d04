// The numbers behind exp, GELU and tanh, shared by the plain C++ and the generated kernels.
//
// All are minimax fits made for this project (weighted least squares on Chebyshev nodes, iterated
// to equal ripple, then rounded to float); tests compare the results with double precision.
#pragma once

#include <array>

namespace bertq::jit::math {

// exp(x) for x <= 0. Below `exp_lowest` the result stays that of exp_lowest (1.6e-38): still a
// normal number, so that it does not matter whether denormals are flushed.
inline constexpr float exp_lowest = -87.0F;
inline constexpr float log2_e = 1.44269504F;
// ln 2 in two parts; the first has so few bits that n * ln2_high is exact for |n| < 128.
inline constexpr float ln2_high = 0.693359375F;
inline constexpr float ln2_low = -2.12194440e-4F;
// exp(r) = 1 + r * (e[0] + e[1] r + ...) for |r| <= ln(2) / 2, relative error 3e-9.
inline constexpr std::array<float, 6> exp_terms = {1.0F,         0.49999994F,  0.1666643F,
                                                   0.041668005F, 0.008374196F, 0.0013843606F};

// gelu(x) = max(0, x) - z * T(z), z = min(|x|, gelu_limit), where T(z) is the share that GELU's
// distribution has below -z, as a polynomial in u = z - gelu_center: erfc(z / sqrt 2) / 2, or of
// the tanh form 1 / (1 + exp(2 s z (1 + 0.044715 z^2))) with s = sqrt(2 / pi). Absolute
// error 1.1e-7, or half an ulp of x; exactly 0 at 0. Beyond the limit z * T(z) is below 1.1e-7.
inline constexpr float gelu_limit = 5.5F;
inline constexpr float gelu_center = gelu_limit / 2;
using GeluTerms = std::array<float, 17>;
inline constexpr GeluTerms gelu_erf = {
    0.00297977007F,   -0.00909363385F,  0.0125035485F,    -0.00994552765F,  0.00475425646F,
    -0.00112403091F,  -0.000119435645F, 0.000181754687F,  -4.93107218e-05F, -3.13759688e-06F,
    5.15611555e-06F,  -8.75687135e-07F, -1.83042232e-07F, 7.46019637e-08F,  -1.5336743e-09F,
    -2.09276019e-09F, 2.22061966e-10F};
inline constexpr GeluTerms gelu_tanh = {
    0.00280839694F,   -0.00900267065F,  0.0127407247F,   -0.0101748696F,   0.00471902825F,
    -0.00100595213F,  -0.000146303559F, 0.000155651185F, -3.71053029e-05F, -5.1824901e-07F,
    2.92050504e-06F,  -9.25242659e-07F, 2.84202155e-08F, 6.3310857e-08F,   -1.1310191e-08F,
    -1.41987155e-09F, 3.77325893e-10F};

// A row whose values are all smaller than this quantises to zeros: dividing by less could overflow.
inline constexpr float smallest_range = 1e-30F;

}  // namespace bertq::jit::math
