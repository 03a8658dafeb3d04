#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>

#include "row_cases.h"

namespace bertq::testing {
namespace {

constexpr std::size_t arena_floats = 1U << 17U;

double ulp(double value) {
  const auto rounded = static_cast<float>(value);
  return static_cast<double>(std::nextafter(rounded, std::numeric_limits<float>::infinity())) -
         static_cast<double>(rounded);
}

// Multiples of 1/1024 below 8192: their differences are exact, so what is measured is the kernel.
Rows grid_rows(std::size_t rows, std::size_t columns, float spread, Random& random) {
  Rows x = random_rows(rows, columns, spread, random);
  for (float& value : x.values) value = std::nearbyint(value * 1024.0F) / 1024.0F;
  return x;
}

}  // namespace

TEST_CASE("softmax has the same bits everywhere") {
  const Paths paths;
  RowArena arena(arena_floats);
  for_each_rows(arena, [&](const Rows& x) {
    const SoftmaxRows f32 = arena.softmax_f32(jit::Isa::reference, x);
    const SoftmaxRows u8 = arena.softmax_u8(jit::Isa::reference, x);
    for (const Path& path : paths.generated()) {
      INFO(name_of(path), " columns ", x.columns);
      REQUIRE(same_bits(arena.softmax_f32(path.isa, x), f32));
      REQUIRE(same_bits(arena.softmax_u8(path.isa, x), u8));
    }
  });
}

TEST_CASE("exp is within 2 ulp over its range") {
  // In a row whose maximum is 0, softmax_f32 gives exp of each score. Scores are spread over all
  // bit patterns from -0 to -87.
  const Paths paths;
  RowArena arena(arena_floats);
  Random random(70);
  const auto last = std::bit_cast<std::uint32_t>(-87.0F);
  const auto first = std::bit_cast<std::uint32_t>(-0x1p-27F);
  constexpr std::size_t columns = 1U << 12U;
  constexpr std::size_t rounds = 256;
  double worst = 0.0;
  float worst_at = 0.0F;
  for (std::size_t round = 0; round < rounds; ++round) {
    Rows x = {1, columns, std::vector<float>(columns)};
    for (std::size_t i = 1; i < columns; ++i) {
      const std::uint64_t part = (round * columns + i) * (last - first) / (rounds * columns);
      x.values[i] = std::bit_cast<float>(first + static_cast<std::uint32_t>(part));
    }
    const SoftmaxRows result = arena.softmax_f32(jit::Isa::reference, x);
    for (std::size_t i = 1; i < columns; ++i) {
      const double exact = std::exp(static_cast<double>(x.values[i]));
      const double error = std::abs(static_cast<double>(result.p.values[i]) - exact) / ulp(exact);
      if (error > worst) worst_at = x.values[i];
      worst = std::max(worst, error);
    }
    if (round % 16 != 0) continue;
    for (const Path& path : paths.generated()) {
      INFO(name_of(path));
      REQUIRE(same_bits(arena.softmax_f32(path.isa, x), result));
    }
  }
  std::printf("exp: worst error %.3f ulp, at %.9g\n", worst, static_cast<double>(worst_at));
  CHECK(worst <= 2.0);
}

TEST_CASE("what lies far below the maximum becomes nothing") {
  const Paths paths;
  RowArena arena(arena_floats);
  for (const Path& path : paths.all()) {
    CAPTURE(name_of(path));
    const Rows x = {1, 6, {0.0F, -87.5F, -1000.0F, -3e38F, -INFINITY, -88.0F}};
    const SoftmaxRows f32 = arena.softmax_f32(path.isa, x);
    CHECK(f32.p.values[0] == 1.0F);
    for (std::size_t i = 1; i < 6; ++i) {
      CHECK(f32.p.values[i] >= 0.0F);
      CHECK(f32.p.values[i] <= 2e-38F);
    }
    CHECK(f32.reciprocal_sum[0] == 1.0F);
    const SoftmaxRows u8 = arena.softmax_u8(path.isa, x);
    CHECK(u8.q.at(0, 0) == 255);
    for (std::size_t i = 1; i < 64; ++i) CHECK(u8.q.at(0, i) == 0);
    CHECK(u8.reciprocal_sum[0] == 1.0F / 255.0F);
  }
}

TEST_CASE("softmax is within 4 ulp up to 512 keys, and sums to one within 1e-6") {
  const Paths paths;
  RowArena arena(arena_floats);
  Random random(71);
  double worst = 0.0;
  double worst_sum = 0.0;
  for (const std::size_t columns : {1U, 2U, 7U, 16U, 33U, 128U, 384U, 512U}) {
    for (const float spread : {0.01F, 1.0F, 10.0F}) {
      const Rows x = grid_rows(8, columns, spread, random);
      const SoftmaxRows result = arena.softmax_f32(jit::Isa::reference, x);
      for (std::size_t row = 0; row < x.rows; ++row) {
        const float* scores = x.row(row);
        const auto largest = static_cast<double>(*std::max_element(scores, scores + columns));
        double sum = 0.0;
        for (std::size_t i = 0; i < columns; ++i)
          sum += std::exp(static_cast<double>(scores[i]) - largest);
        double total = 0.0;
        for (std::size_t i = 0; i < columns; ++i) {
          const double exact = std::exp(static_cast<double>(scores[i]) - largest) / sum;
          const float p = result.p.row(row)[i] * result.reciprocal_sum[row];
          total += static_cast<double>(p);
          worst = std::max(worst, std::abs(static_cast<double>(p) - exact) / ulp(exact));
        }
        worst_sum = std::max(worst_sum, std::abs(total - 1.0));
      }
    }
  }
  std::printf("softmax: worst error %.3f ulp, worst sum off by %.3g\n", worst, worst_sum);
  CHECK(worst <= 4.0);
  CHECK(worst_sum <= 1e-6);
}

TEST_CASE("u8 probabilities are those of f32, rounded") {
  const Paths paths;
  RowArena arena(arena_floats);
  Random random(72);
  for (const std::size_t columns : {1U, 5U, 64U, 65U, 384U}) {
    const Rows x = random_rows(20, columns, 4.0F, random);
    const SoftmaxRows f32 = arena.softmax_f32(jit::Isa::reference, x);
    const SoftmaxRows u8 = arena.softmax_u8(jit::Isa::reference, x);
    for (std::size_t row = 0; row < x.rows; ++row) {
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < u8.q.columns; ++i) {
        const float p = i < columns ? f32.p.row(row)[i] : 0.0F;
        REQUIRE(u8.q.at(row, i) == static_cast<std::int32_t>(std::nearbyint(255.0F * p)));
        sum += u8.q.at(row, i);
      }
      REQUIRE(u8.reciprocal_sum[row] == 1.0F / static_cast<float>(sum));
    }
  }
}

TEST_CASE("softmax does not see a shift of all scores, nor other rows") {
  const Paths paths;
  RowArena arena(arena_floats);
  Random random(73);
  const Rows x = grid_rows(33, 100, 5.0F, random);
  Rows shifted = x;
  for (float& value : shifted.values) value += 1000.0F;
  const std::vector<std::size_t> order = shuffled(33, random);
  for (const Path& path : paths.all()) {
    const SoftmaxRows f32 = arena.softmax_f32(path.isa, x);
    const SoftmaxRows u8 = arena.softmax_u8(path.isa, x);
    CHECK(same_bits(arena.softmax_f32(path.isa, shifted), f32));
    CHECK(same_bits(arena.softmax_u8(path.isa, shifted), u8));
    const Rows mixed = permuted(x, order);
    CHECK(same_bits(arena.softmax_f32(path.isa, mixed).p.values, permuted(f32.p, order).values));
    const SoftmaxRows mixed_u8 = arena.softmax_u8(path.isa, mixed);
    for (std::size_t row = 0; row < 33; ++row) {
      for (std::size_t i = 0; i < 100; ++i)
        REQUIRE(mixed_u8.q.at(row, i) == u8.q.at(order[row], i));
    }
  }
}

}  // namespace bertq::testing
