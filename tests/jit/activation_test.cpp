// The activations over the floats' whole range, by way of a product that changes nothing: one row,
// one column of ones, the arguments as weights.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numbers>
#include <vector>

#include "jit/kernels.h"
#include "jit/layout.h"
#include "paths.h"

namespace bertq::testing {
namespace {

using jit::Activation;

constexpr std::size_t batch = 1U << 12U;

std::vector<float> activate(const jit::Kernels& kernels, Activation activation,
                            const std::vector<float>& x) {
  const float one = 1.0F;
  std::vector<float> y(jit::padded_columns(x.size()));
  jit::GemmArgs args;
  args.m = 1;
  args.n = x.size();
  args.k = 1;
  // A row of 16, as layout.h wants it; one group of 16 weights is 16 of the arguments.
  std::vector<float> a(jit::lanes, 0.0F);
  a[0] = one;
  args.a = a.data();
  args.lda = a.size();
  args.b = x.data();
  args.c = y.data();
  args.ldc = y.size();
  const jit::ThreadScope scope(kernels.isa());
  kernels.gemm({.activation = activation}).run(args, {0, 1}, {0, args.n});
  return y;
}

double exact(Activation activation, double x) {
  if (std::isinf(x) && activation != Activation::tanh) return x > 0 ? x : 0.0;
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return std::max(0.0, x);
    case Activation::gelu_erf:
      return 0.5 * x * std::erfc(-x / std::numbers::sqrt2);
    case Activation::gelu_tanh: {
      const double u = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
      return x / (1.0 + std::exp(-2.0 * u));
    }
    case Activation::tanh:
      return std::tanh(x);
  }
  return x;
}

// What an activation may be off by: 2e-7, or 4 ulp where that is more; none and ReLU not at all,
// but that denormals count as zero.
bool close(Activation activation, float y, double expected) {
  const double error = std::abs(static_cast<double>(y) - expected);
  if (activation == Activation::none || activation == Activation::relu)
    return static_cast<double>(y) == expected || error < 0x1p-126;
  const auto magnitude = static_cast<float>(std::abs(expected));
  if (std::isinf(magnitude)) return static_cast<double>(y) == expected;
  const double ulp =
      static_cast<double>(std::nextafter(magnitude, std::numeric_limits<float>::infinity())) -
      static_cast<double>(magnitude);
  return error <= std::max(2e-7, 4.0 * ulp);
}

struct Named {
  Activation activation;
  const char* name;
};
constexpr Named activations[] = {{Activation::none, "none"},
                                 {Activation::relu, "relu"},
                                 {Activation::gelu_erf, "gelu_erf"},
                                 {Activation::gelu_tanh, "gelu_tanh"},
                                 {Activation::tanh, "tanh"}};

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y) ||
           (std::isnan(x) && std::isnan(y));
  });
}

// Checks the floats whose bits are first, first + step, ..., `batch` of them.
void check_batch(const Named& a, std::uint64_t first, std::uint64_t step, const Paths& paths,
                 double& worst, float& worst_at) {
  std::vector<float> x(batch);
  for (std::size_t i = 0; i < batch; ++i)
    x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(first + i * step));
  const std::vector<float> y = activate(jit::Kernels::of(jit::Isa::reference), a.activation, x);
  for (std::size_t i = 0; i < batch; ++i) {
    if (std::isnan(x[i])) {
      if (!std::isnan(y[i])) FAIL_CHECK(a.name, " of NaN is ", y[i]);
      continue;
    }
    const double expected = exact(a.activation, static_cast<double>(x[i]));
    const double error = std::abs(static_cast<double>(y[i]) - expected);
    if (!close(a.activation, y[i], expected))
      FAIL_CHECK(a.name, "(", x[i], ") = ", y[i], ", should be ", expected);
    if (std::isfinite(expected) && std::abs(expected) < 10.0 && error > worst) {
      worst = error;
      worst_at = x[i];
    }
  }
  for (const Path& path : paths.generated()) {
    if (!same_bits(activate(jit::Kernels::of(path.isa), a.activation, x), y))
      FAIL_CHECK(a.name, " of ", name_of(path), " differs near ", x[0]);
  }
}

void check_floats(std::uint64_t step, std::uint64_t offset) {
  const Paths paths;
  for (const Named& a : activations) {
    double worst = 0.0;
    float worst_at = 0.0F;
    const std::uint64_t all = std::uint64_t{1} << 32U;
    for (std::uint64_t first = 0; first < all; first += batch * step)
      check_batch(a, first + offset, step, paths, worst, worst_at);
    std::printf("%s: worst absolute error below 10: %.3g, at %.9g\n", a.name, worst,
                static_cast<double>(worst_at));
  }
}

}  // namespace

TEST_CASE("activations are accurate, and the same bits everywhere, over a million floats") {
  check_floats(4096, 1931);
}

TEST_CASE("activations are accurate over all floats" * doctest::skip(true)) {
  check_floats(1,
               0);  // a quarter of an hour and more: jit_tests --no-skip --test-case="*all floats*"
}

TEST_CASE("activations at the corners") {
  const Paths paths;
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {infinity, -infinity, std::numeric_limits<float>::quiet_NaN(),
                                0.0F,     -0.0F,     3e38F,
                                -3e38F,   1e-40F,    -1e-40F,
                                6.0F,     -6.0F,     88.0F,
                                -88.0F,   1e-20F,    -1e-20F,
                                1e19F};
  for (const Named& a : activations) {
    const std::vector<float> reference =
        activate(jit::Kernels::of(jit::Isa::reference), a.activation, x);
    for (const Path& path : paths.all()) {
      INFO(a.name, " on ", name_of(path));
      const std::vector<float> y = activate(jit::Kernels::of(path.isa), a.activation, x);
      CHECK(same_bits(y, reference));
      CHECK(y[0] == (a.activation == Activation::tanh ? 1.0F : infinity));
      if (a.activation == Activation::none) {
        CHECK(y[1] == -infinity);
      } else {
        CHECK(y[1] ==
              (a.activation == Activation::tanh ? doctest::Approx(-1.0) : doctest::Approx(0.0)));
      }
      CHECK(std::isnan(y[2]));
      CHECK(y[3] == 0.0F);
      CHECK(y[4] == 0.0F);
    }
  }
}

}  // namespace bertq::testing
