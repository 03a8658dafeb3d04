#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>

#include "row_cases.h"

namespace bertq::testing {
namespace {

constexpr std::size_t arena_floats = 1U << 17U;

LayerNormWeights random_weights(std::size_t columns, Random& random) {
  LayerNormWeights weights;
  for (std::size_t i = 0; i < columns; ++i) {
    weights.gamma.push_back(random.uniform(-2.0F, 2.0F));
    weights.beta.push_back(random.bell());
  }
  return weights;
}

// The worst error against double precision, in the row's own deviations (gamma 1, beta 0), beyond
// what the last rounding of a large value must cost.
double worst_error(const Rows& x, const NormalizedRows& result) {
  double worst = 0.0;
  const auto n = static_cast<double>(x.columns);
  for (std::size_t row = 0; row < x.rows; ++row) {
    const float* values = x.row(row);
    const double mean = std::accumulate(values, values + x.columns, 0.0) / n;
    double variance = 0.0;
    for (std::size_t i = 0; i < x.columns; ++i) {
      const double d = static_cast<double>(values[i]) - mean;
      variance += d * d / n;
    }
    for (std::size_t i = 0; i < x.columns; ++i) {
      const double exact = (static_cast<double>(values[i]) - mean) / std::sqrt(variance + 1e-12);
      const double error = std::abs(static_cast<double>(result.y.row(row)[i]) - exact);
      // Of a value beyond 4 deviations, float's own steps are no longer small beside 1e-6.
      worst = std::max(worst, error / std::max(1.0, std::abs(exact) / 4.0));
    }
  }
  return worst;
}

}  // namespace

TEST_CASE("layer norm has the same bits everywhere") {
  const Paths paths;
  RowArena arena(arena_floats);
  Random random(60);
  for_each_rows(arena, [&](const Rows& x) {
    const LayerNormWeights weights = random_weights(x.columns, random);
    const NormalizedRows expected = arena.layer_norm(jit::Isa::reference, x, weights);
    for (const Path& path : paths.generated()) {
      INFO(name_of(path), " columns ", x.columns);
      REQUIRE(same_bits(arena.layer_norm(path.isa, x, weights), expected));
    }
  });
}

TEST_CASE("layer norm is within 1e-6 of a deviation") {
  const Paths paths;
  RowArena arena(arena_floats);
  Random random(61);
  struct Case {
    std::string what;
    float mean, deviation;
  };
  for (const Case& c :
       {Case{"ordinary", 0.0F, 1.0F}, Case{"small", 1e-3F, 1e-3F}, Case{"large", -50.0F, 1e3F},
        Case{"shifted", 10.0F, 0.5F}, Case{"far shifted", 1e4F, 1e-3F}}) {
    // A lane's sum of squares is a chain of columns / 16 roundings, and equal squares, as far from
    // zero, round alike: beyond BERT-base's size the bound grows with the chain.
    for (const std::size_t columns : {26U, 64U, 312U, 384U, 768U, 1024U, 3072U}) {
      Rows x = random_rows(8, columns, c.deviation, random);
      for (float& value : x.values) value += c.mean;
      const LayerNormWeights ones = {std::vector<float>(columns, 1.0F),
                                     std::vector<float>(columns, 0.0F)};
      const double worst = worst_error(x, arena.layer_norm(jit::Isa::reference, x, ones));
      const double bound = 1e-6 * std::max(1.0, static_cast<double>(columns) / 768.0);
      CHECK_MESSAGE(worst <= bound, c.what, " ", columns, " columns: ", worst);
    }
  }
}

TEST_CASE("layer norm of a constant row is beta") {
  const Paths paths;
  RowArena arena(arena_floats);
  Random random(62);
  for (const Path& path : paths.all()) {
    for (const float value : {0.0F, 1.0F, -3.0F, 1e-40F}) {
      Rows x = {2, 64, std::vector<float>(128, value)};
      const LayerNormWeights weights = random_weights(64, random);
      const NormalizedRows result = arena.layer_norm(path.isa, x, weights);
      for (std::size_t i = 0; i < 64; ++i) REQUIRE(result.y.row(1)[i] == weights.beta[i]);
    }
  }
}

TEST_CASE("layer norm flags rows that are not finite, and only those") {
  const Paths paths;
  RowArena arena(arena_floats);
  Random random(63);
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Path& path : paths.all()) {
    for (const std::size_t columns : {1U, 15U, 16U, 17U, 50U, 384U}) {
      for (const float bad : {infinity, -infinity, nan, -nan}) {
        for (int round = 0; round < 4; ++round) {
          CAPTURE(name_of(path));
          Rows x = random_rows(7, columns, 1.0F, random);
          const std::size_t row = random.below(7);
          x.row(row)[random.below(columns)] = bad;
          if (round == 3) x.row(row)[random.below(columns)] = -bad;
          const LayerNormWeights weights = random_weights(columns, random);
          const NormalizedRows result = arena.layer_norm(path.isa, x, weights);
          for (std::size_t r = 0; r < 7; ++r)
            REQUIRE(std::isnan(result.reciprocal_deviation[r]) == (r == row));
          if (row != 0) REQUIRE(std::isfinite(result.y.row(0)[0]));
        }
      }
    }
  }
}

TEST_CASE("rows of a layer norm are independent") {
  const Paths paths;
  RowArena arena(arena_floats);
  Random random(64);
  const Rows x = random_rows(33, 100, 2.0F, random);
  const LayerNormWeights weights = random_weights(100, random);
  const std::vector<std::size_t> order = shuffled(33, random);
  for (const Path& path : paths.all()) {
    const NormalizedRows straight = arena.layer_norm(path.isa, x, weights);
    const NormalizedRows mixed = arena.layer_norm(path.isa, permuted(x, order), weights);
    CHECK(same_bits(mixed.y.values, permuted(straight.y, order).values));
  }
}

}  // namespace bertq::testing
