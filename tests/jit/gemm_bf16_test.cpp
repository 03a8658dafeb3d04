// BF16 products: on paths that widen them the bits of `reference`, on those with instructions of
// their own within the bound of a plain sum; and everywhere a row's result is its own.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <vector>

#include "gemm_arena.h"
#include "gemm_comparison.h"
#include "jit/bf16.h"
#include "paths.h"
#include "support/random.h"

namespace bertq::testing {
namespace {

const jit::GemmSpec plain_bf16 = {.operands = jit::Operands::bf16};

float rounded(float x) {
  return jit::from_bf16(jit::to_bf16(x));
}

GemmProblem random_problem(std::size_t m, std::size_t n, std::size_t k, Random& random) {
  GemmProblem p;
  p.spec = plain_bf16;
  p.m = m;
  p.n = n;
  p.k = k;
  p.a_f32.resize(m * k);
  p.b_f32.resize(n * k);
  const auto value = [&] {
    return rounded(random.bell() * std::exp2(static_cast<float>(random.below(21)) - 10.0F));
  };
  std::generate(p.a_f32.begin(), p.a_f32.end(), value);
  std::generate(p.b_f32.begin(), p.b_f32.end(), value);
  return p;
}

// The worst error of C in units of the bound K * 2^-24 * sum |a b| + 1 ulp: products of bf16 are
// exact in f32, and each is added once, in whatever order.
double worst_of_bound(const GemmProblem& p, const Elements& c) {
  double worst = 0.0;
  for (std::size_t i = 0; i < c.size(); ++i) {
    double sum = 0.0, magnitudes = 0.0;
    for (std::size_t k = 0; k < p.k; ++k) {
      const double product = static_cast<double>(p.a_f32[i / p.n * p.k + k]) *
                             static_cast<double>(p.b_f32[i % p.n * p.k + k]);
      sum += product;
      magnitudes += std::abs(product);
    }
    const double bound =
        static_cast<double>(p.k) * 0x1p-24 * magnitudes + 0x1p-23 * std::abs(sum) + 1e-37;
    const double error = std::abs(static_cast<double>(c[i]) - sum);
    worst =
        std::isnan(c[i]) ? std::numeric_limits<double>::infinity() : std::max(worst, error / bound);
  }
  return worst;
}

bool is_fast(const Path& path) {
  return jit::Kernels::of(path.isa).fast_bf16();
}

// Those of `paths` that have it; says which lack it, and are tested widening only.
std::vector<Path> fast_paths(const Paths& paths) {
  std::vector<Path> fast;
  for (const Path& path : paths.generated()) {
    if (is_fast(path)) fast.push_back(path);
  }
  if (fast.empty()) {
    std::printf("SKIPPED bf16 instructions: the CPU has none that are faster than FP32\n");
  }
  return fast;
}

}  // namespace

TEST_CASE("BF16 products: widened the bits of `reference`, and all within the bound") {
  const Paths paths;
  const std::vector<Path> fast = fast_paths(paths);
  Random random(60);
  GemmArena arena(65, 65, 130);
  double worst = 0.0, worst_fast = 0.0;
  GemmComparison comparison;
#ifdef __OPTIMIZE__
  constexpr std::size_t step = 1;
#else
  constexpr std::size_t step = 13;
#endif
  for (std::size_t index = 0; index < 65 * 65; index += step) {
    const std::size_t m = 1 + index / 65, n = 1 + index % 65;
    const GemmProblem p = random_problem(m, n, 1 + (2 * m + 2 * n + index) % 130, random);
    arena.place(
        p, {.edge = index % 2 == 0 ? Edge::end : Edge::start, .extra_columns = index % 3 * 16});
    arena.run(jit::Kernels::of(jit::Isa::reference));
    const Elements expected = arena.elements();
    worst = std::max(worst, worst_of_bound(p, expected));
    for (const Path& path : fast) {
      if (path.emulated && index % 16 != 0) continue;
      arena.clear_c();
      arena.run(jit::Kernels::of(path.isa));
      worst_fast = std::max(worst_fast, worst_of_bound(p, arena.elements()));
      REQUIRE_MESSAGE(arena.damage().empty(), arena.damage());
    }
    const WithoutFastBf16 widened;
    comparison.run(arena, p, expected, "", paths.generated());
  }
  std::printf("BF16 products: worst error %.3f of the bound, by instructions of their own %.3f\n",
              worst, worst_fast);
  CHECK(worst <= 1.0);
  CHECK(worst_fast <= 1.0);
  comparison.report("BF16 products widened, m, n in 1..65, k in 1..130", paths.generated());
}

TEST_CASE("BF16 products of BERT's own shapes") {
  const Paths paths;
  const std::vector<Path> fast = fast_paths(paths);
  Random random(61);
  GemmArena arena(33, 1537, 3072);
  GemmComparison comparison;
  const std::vector<std::array<std::size_t, 3>> shapes = {
      {1, 768, 768}, {33, 385, 384}, {5, 1537, 383}, {16, 313, 1200}, {2, 767, 3072}, {7, 2, 768}};
  for (const auto& [m, n, k] : shapes) {
    const GemmProblem p = random_problem(m, n, k, random);
    arena.place(p, {});
    arena.run(jit::Kernels::of(jit::Isa::reference));
    const Elements expected = arena.elements();
    CHECK(worst_of_bound(p, expected) <= 1.0);
    for (const Path& path : fast) {
      arena.clear_c();
      arena.run(jit::Kernels::of(path.isa));
      CHECK(worst_of_bound(p, arena.elements()) <= 1.0);
    }
    const WithoutFastBf16 widened;
    comparison.run(arena, p, expected, "", paths.generated());
  }
  comparison.report("BF16 products widened, BERT's shapes", paths.generated());
}

TEST_CASE("a row of a BF16 product knows neither its neighbours nor its place") {
  const Paths paths;
  Random random(62);
  GemmArena arena(40, 50, 70);
  const GemmProblem p = random_problem(40, 50, 70, random);
  GemmProblem poisoned = p, shifted = p;
  constexpr std::size_t bad = 13;
  for (std::size_t k = 0; k < p.k; ++k) {
    poisoned.a_f32[bad * p.k + k] = k % 2 == 0 ? std::numeric_limits<float>::quiet_NaN()
                                               : std::numeric_limits<float>::infinity();
  }
  std::rotate(shifted.a_f32.begin(), shifted.a_f32.begin() + static_cast<std::ptrdiff_t>(3 * p.k),
              shifted.a_f32.end());
  for (const bool widen : {false, true}) {
    std::optional<WithoutFastBf16> widened;
    if (widen) widened.emplace();
    for (const Path& path : paths.all()) {
      CAPTURE(name_of(path));
      CAPTURE(widen);
      const auto run = [&](const GemmProblem& problem) {
        arena.place(problem, {});
        arena.run(jit::Kernels::of(path.isa));
        return arena.elements();
      };
      const Elements clean = run(p), beside_nan = run(poisoned), elsewhere = run(shifted);
      for (std::size_t m = 0; m < p.m; ++m) {
        for (std::size_t n = 0; n < p.n; ++n) {
          const float alone = clean[m * p.n + n];
          REQUIRE(elsewhere[(m + p.m - 3) % p.m * p.n + n] == alone);
          if (m != bad) REQUIRE(beside_nan[m * p.n + n] == alone);
          if (m == bad) REQUIRE(std::isnan(beside_nan[m * p.n + n]));
        }
      }
    }
  }
}

TEST_CASE("any division of a BF16 product into blocks gives the whole, in f32 and in bf16") {
  const Paths paths;
  Random random(63);
  GemmArena arena(150, 150, 130);
  for (const Path& path : paths.all()) {
    CAPTURE(name_of(path));
    const jit::Kernels& kernels = jit::Kernels::of(path.isa);
    for (int round = 0; round < (path.emulated ? 6 : 40); ++round) {
      GemmProblem p = random_problem(1 + random.below(150), 1 + random.below(150),
                                     1 + random.below(130), random);
      p.spec.output = round % 2 == 0 ? jit::Output::f32 : jit::Output::bf16_tiles;
      arena.place(p, {.edge = round % 4 < 2 ? Edge::end : Edge::start});
      arena.run(kernels);
      const Elements whole = arena.elements();
      arena.clear_c();
      const jit::ThreadScope scope(path.isa);
      for (std::size_t m = 0; m < p.m; m += 48) {
        for (std::size_t n = 0; n < p.n; n += 32) {
          kernels.gemm(p.spec).run(arena.args(), {m, std::min(p.m, m + 48)},
                                   {n, std::min(p.n, n + 32)});
        }
      }
      const std::string wrong = difference(p, arena.elements(), whole);
      REQUIRE_MESSAGE(wrong.empty(), wrong);
      REQUIRE_MESSAGE(arena.damage().empty(), arena.damage());
    }
  }
}

// What feeds one product's result to the next as bf16 must see the rounding that bf16.h spells.
TEST_CASE("bf16 output is the f32 output, rounded") {
  const Paths paths;
  Random random(64);
  GemmArena arena(37, 70, 90);
  for (const Path& path : paths.all()) {
    CAPTURE(name_of(path));
    GemmProblem p = random_problem(37, 70, 90, random);
    p.a_f32[0] = std::numeric_limits<float>::infinity();
    p.a_f32[p.k] = 3e38F;  // its sums may be too large for bf16, or f32
    arena.place(p, {});
    arena.run(jit::Kernels::of(path.isa));
    Elements expected = arena.elements();
    std::transform(expected.begin(), expected.end(), expected.begin(), rounded);
    p.spec.output = jit::Output::bf16_tiles;
    arena.place(p, {});
    arena.run(jit::Kernels::of(path.isa));
    const std::string wrong = difference(p, arena.elements(), expected);
    CHECK_MESSAGE(wrong.empty(), wrong);
  }
}

}  // namespace bertq::testing
