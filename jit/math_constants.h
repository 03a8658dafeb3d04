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

// 2^f = 1 + f * (t[0] + t[1] f + ...) for |f| <= 1/2, relative error 9.1e-8.
inline constexpr std::array<float, 5> exp2_terms = {0.693147F, 0.24022242F, 0.055507336F,
                                                    0.009671513F, 0.0013264727F};

// gelu(x) = max(0, x) - z * exp(-z^2 / 2) * R(z), z = min(|x|, gelu_limit), where
// R(z) = erfcx(z / sqrt 2) / 2 as a polynomial in u = z / 3 - 1; absolute error of the product
// 1.5e-8. Beyond the limit the product is below 6e-9.
inline constexpr float gelu_limit = 6.0F;
inline constexpr float minus_half_log2_e = -0.72134752F;
inline constexpr float gelu_u_scale = 0.333333343F;
inline constexpr std::array<float, 12> gelu_terms = {
    0.12151406F,  -0.10319289F, 0.08245219F,  -0.06261284F,  0.043099143F, -0.033571314F,
    0.031060945F, 0.01736754F,  0.022797715F, -0.049011614F, -0.06370716F, -0.031761248F};

// The tanh form of GELU: x * sigmoid(2 s x (1 + c x^2)) with s = sqrt(2 / pi), c = 0.044715. Below
// gelu_tanh_lowest the result is 0 to within 1e-30.
inline constexpr float gelu_tanh_lowest = -16.0F;
inline constexpr float gelu_tanh_linear = 1.59576912F;   // 2 s
inline constexpr float gelu_tanh_cubic = 0.0713548163F;  // 2 s c

// A row whose values are all smaller than this quantises to zeros: dividing by less could overflow.
inline constexpr float smallest_range = 1e-30F;

}  // namespace bertq::jit::math
