// FP32 products: within the bound of a plain sum against double precision, and on every instruction
// set the same bits as `reference`.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "gemm_arena.h"
#include "gemm_comparison.h"
#include "paths.h"
#include "support/random.h"

namespace bertq::testing {
namespace {

const jit::GemmSpec plain_f32 = {};

void fill_operands(GemmProblem& p, Random& random) {
  p.a_f32.resize(p.m * p.k);
  p.b_f32.resize(p.n * p.k);
  // Magnitudes from 1e-3 to 1e3, so that roundings are of many sizes.
  const auto value = [&] {
    return random.bell() * std::exp2(static_cast<float>(random.below(21)) - 10.0F);
  };
  std::generate(p.a_f32.begin(), p.a_f32.end(), value);
  std::generate(p.b_f32.begin(), p.b_f32.end(), value);
}

double ulp(double value) {
  const auto rounded = static_cast<float>(std::abs(value));
  return static_cast<double>(std::nextafter(rounded, std::numeric_limits<float>::infinity())) -
         static_cast<double>(rounded);
}

// The worst error of C in units of the bound K * 2^-24 * sum |a b| + 1 ulp.
double worst_of_bound(const GemmProblem& p, const Elements& c) {
  double worst = 0.0;
  for (std::size_t i = 0; i < c.size(); ++i) {
    const float* a = &p.a_f32[i / p.n * p.k];
    const float* b = &p.b_f32[i % p.n * p.k];
    double sum = 0.0;
    double magnitudes = 0.0;
    for (std::size_t k = 0; k < p.k; ++k) {
      const double product = static_cast<double>(a[k]) * static_cast<double>(b[k]);
      sum += product;
      magnitudes += std::abs(product);
    }
    const double bound = static_cast<double>(p.k) * 0x1p-24 * magnitudes + ulp(sum);
    const double error = std::abs(static_cast<double>(c[i]) - sum);
    worst =
        std::isnan(c[i]) ? std::numeric_limits<double>::infinity() : std::max(worst, error / bound);
  }
  return worst;
}

}  // namespace

TEST_CASE("FP32 products are within the bound, and the same bits everywhere") {
  const Paths paths;
  Random random(30);
  GemmArena arena(65, 65, 130);
  GemmProblem p;
  p.spec = plain_f32;
  double worst = 0.0;
  std::size_t cases = 0;
  GemmComparison comparison;
#ifdef __OPTIMIZE__
  constexpr std::size_t step = 1;
#else
  constexpr std::size_t step = 13;
#endif
  for (std::size_t index = 0; index < 65 * 65; index += step, ++cases) {
    p.m = 1 + index / 65;
    p.n = 1 + index % 65;
    p.k = 1 + (2 * p.m + 2 * p.n + index) % 130;
    fill_operands(p, random);
    arena.place(
        p, {.edge = index % 2 == 0 ? Edge::end : Edge::start, .extra_columns = index % 3 * 16});
    arena.run(jit::Kernels::of(jit::Isa::reference));
    const Elements expected = arena.elements();
    worst = std::max(worst, worst_of_bound(p, expected));
    std::vector<Path> now;
    for (const Path& path : paths.generated()) {
      if (!path.emulated || index % 16 == 0) now.push_back(path);
    }
    comparison.run(arena, p, expected, "", now);
  }
  std::printf("FP32 products: %zu shapes, worst error %.3f of the bound\n", cases, worst);
  CHECK(worst <= 1.0);
  comparison.report("FP32 products, m, n in 1..65, k in 1..130", paths.generated());
}

TEST_CASE("FP32 products of BERT's own shapes have the same bits everywhere") {
  const Paths paths;
  Random random(31);
  GemmArena arena(33, 1537, 3072);
  GemmComparison comparison;
  // m x n x k
  const std::vector<std::array<std::size_t, 3>> shapes = {
      {1, 768, 768}, {33, 385, 384}, {5, 1537, 383}, {16, 313, 1200}, {2, 767, 3072}, {7, 2, 768}};
  for (const auto& [m, n, k] : shapes) {
    GemmProblem p;
    p.spec = plain_f32;
    p.m = m;
    p.n = n;
    p.k = k;
    fill_operands(p, random);
    arena.place(p, {});
    arena.run(jit::Kernels::of(jit::Isa::reference));
    const Elements expected = arena.elements();
    CHECK(worst_of_bound(p, expected) <= 1.0);
    comparison.run(arena, p, expected, "", paths.generated());
  }
  comparison.report("FP32 products, BERT's shapes", paths.generated());
}

TEST_CASE("a row does not know its neighbours") {
  const Paths paths;
  Random random(32);
  GemmArena arena(40, 50, 70);
  GemmProblem p;
  p.spec = plain_f32;
  p.m = 40;
  p.n = 50;
  p.k = 70;
  fill_operands(p, random);
  GemmProblem poisoned = p;
  GemmProblem swapped = p;
  constexpr std::size_t bad = 13;
  constexpr std::size_t other = 30;
  for (std::size_t k = 0; k < p.k; ++k) {
    poisoned.a_f32[bad * p.k + k] = k % 2 == 0 ? std::numeric_limits<float>::quiet_NaN()
                                               : std::numeric_limits<float>::infinity();
    std::swap(swapped.a_f32[bad * p.k + k], swapped.a_f32[other * p.k + k]);
  }
  for (const Path& path : paths.all()) {
    CAPTURE(name_of(path));
    const auto run = [&](const GemmProblem& problem) {
      arena.place(problem, {});
      arena.run(jit::Kernels::of(path.isa));
      return arena.elements();
    };
    const Elements clean = run(p);
    const Elements beside_nan = run(poisoned);
    const Elements exchanged = run(swapped);
    for (std::size_t m = 0; m < p.m; ++m) {
      const std::size_t source = m == bad ? other : m == other ? bad : m;
      for (std::size_t n = 0; n < p.n; ++n) {
        const float alone = clean[m * p.n + n];
        REQUIRE(exchanged[source * p.n + n] == alone);
        if (m != bad) REQUIRE(beside_nan[m * p.n + n] == alone);
        if (m == bad) REQUIRE(std::isnan(beside_nan[m * p.n + n]));
      }
    }
  }
}

}  // namespace bertq::testing
