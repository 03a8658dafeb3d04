// Rounding to bf16, and the row kernels that do it: the same bits everywhere, with and without the
// CPU's own instruction.
#include "jit/bf16.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "jit/layout.h"
#include "row_cases.h"

namespace bertq::testing {
namespace {

constexpr std::size_t arena_floats = 1U << 17U;

// Every upper half beside the lower halves at which rounding turns.
std::vector<float> turning_points() {
  std::vector<float> values;
  for (std::uint32_t upper = 0; upper < 0x10000U; ++upper) {
    for (const std::uint32_t lower : {0U, 1U, 0x7fffU, 0x8000U, 0x8001U, 0xffffU})
      values.push_back(std::bit_cast<float>(upper << 16U | lower));
  }
  return values;
}

// The bf16 nearest to x by trying both sides; ties go to the even one.
float nearest_bf16(float x) {
  if (std::isnan(x) || std::isinf(x)) return x;
  if (std::fabs(x) < std::numeric_limits<float>::min()) return std::copysign(0.0F, x);
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const auto value = [](std::uint32_t upper) {
    const float v = std::bit_cast<float>(upper << 16U);
    // Behind the largest comes what would be 2^128.
    return std::isinf(v) ? std::copysign(0x1p128, static_cast<double>(v)) : static_cast<double>(v);
  };
  const std::uint32_t below = bits >> 16U, above = below + 1;
  const double to_below = std::abs(static_cast<double>(x) - value(below));
  const double to_above = std::abs(static_cast<double>(x) - value(above));
  const bool even_below = below % 2 == 0;
  const bool down = to_below < to_above || (to_below == to_above && even_below);
  return std::bit_cast<float>((down ? below : above) << 16U);
}

// Calls `check` with the paths' fast BF16, and without.
template <typename Check>
void with_and_without_fast(Check check) {
  check();
  const WithoutFastBf16 widened;
  check();
}

}  // namespace

TEST_CASE("a number is rounded to the nearest bf16") {
  std::size_t wrong = 0;
  for (const float x : turning_points()) {
    const float expected = nearest_bf16(x), rounded = jit::from_bf16(jit::to_bf16(x));
    const bool same =
        std::bit_cast<std::uint32_t>(expected) == std::bit_cast<std::uint32_t>(rounded) ||
        (std::isnan(expected) && std::isnan(rounded));
    if (!same) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(jit::to_bf16(1.0F) == 0x3f80);
  CHECK(jit::to_bf16(-1e-40F) == 0x8000);  // denormal
  CHECK(jit::to_bf16(3.4e38F) == 0x7f80);  // larger than any bf16
  CHECK(jit::to_bf16(std::bit_cast<float>(0x7fffffffU)) == 0x7fff);
  CHECK(jit::to_bf16(std::bit_cast<float>(0x7f800001U)) == 0x7fc0);  // a signalling NaN
}

TEST_CASE("rows are rounded to tiles, each number as bf16.h says") {
  const Paths paths;
  const std::vector<float> values = turning_points();
  constexpr std::size_t columns = 768;
  RowArena arena(values.size() + 4 * columns);
  const Rows x = {values.size() / columns, columns, values};
  with_and_without_fast([&] {
    for (const Path& path : paths.all()) {
      CAPTURE(name_of(path));
      const QuantizedRows rounded = arena.round_bf16(path.isa, x);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < values.size(); ++i)
        if (rounded.q[i] != jit::to_bf16(values[i])) ++wrong;
      CHECK(wrong == 0);
    }
  });
}

TEST_CASE("rounding tells of what is not finite, or does not fit") {
  const Paths paths;
  RowArena arena(arena_floats);
  for (const float bad :
       {std::numeric_limits<float>::infinity(), 3.4e38F, -3.39e38F * 1.002F,
        std::numeric_limits<float>::quiet_NaN(), std::bit_cast<float>(0xffffffffU)}) {
    for (const std::size_t columns : {1U, 31U, 70U, 130U}) {
      Random random(70);
      Rows x = random_rows(5, columns, 1.0F, random);
      x.row(3)[columns - 1] = bad;
      with_and_without_fast([&] {
        for (const Path& path : paths.all()) {
          CAPTURE(name_of(path));
          const QuantizedRows rounded = arena.round_bf16(path.isa, x);
          for (std::size_t row = 0; row < x.rows; ++row)
            CHECK(std::isfinite(rounded.scale[row]) == (row != 3));
        }
      });
    }
  }
}

TEST_CASE("rows, probabilities, keys and values of bf16 have the same bits everywhere") {
  const Paths paths;
  RowArena arena(arena_floats);
  for_each_rows(arena, [&](const Rows& x) {
    const QuantizedRows rounded = arena.round_bf16(jit::Isa::reference, x);
    const QuantizedRows keys = arena.pack_keys_bf16(jit::Isa::reference, x);
    const QuantizedRows values = arena.pack_values_bf16(jit::Isa::reference, x);
    const SoftmaxRows softmax = arena.softmax_bf16(jit::Isa::reference, x);
    with_and_without_fast([&] {
      for (const Path& path : paths.generated()) {
        INFO(name_of(path), " ", x.rows, "x", x.columns);
        REQUIRE(same_bits(arena.round_bf16(path.isa, x), rounded));
        REQUIRE(same_bits(arena.pack_keys_bf16(path.isa, x), keys));
        REQUIRE(same_bits(arena.pack_values_bf16(path.isa, x), values));
        REQUIRE(same_bits(arena.softmax_bf16(path.isa, x), softmax));
      }
    });
  });
}

TEST_CASE("packed keys and values hold each number where a product looks for it, else zeros") {
  Random random(71);
  RowArena arena(arena_floats);
  for (const std::size_t rows : {1U, 15U, 33U, 64U}) {
    for (const std::size_t columns : {1U, 26U, 64U}) {
      const Rows x = random_rows(rows, columns, 2.0F, random);
      const QuantizedRows keys = arena.pack_keys_bf16(jit::Isa::reference, x);
      const QuantizedRows values = arena.pack_values_bf16(jit::Isa::reference, x);
      for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t column = 0; column < columns; ++column) {
          REQUIRE(keys.at(row, column) == jit::to_bf16(x.row(row)[column]));
          REQUIRE(values.at(column, row) == jit::to_bf16(x.row(row)[column]));
        }
        for (std::size_t beyond = columns; beyond < keys.columns; ++beyond)
          REQUIRE(keys.at(row, beyond) == 0);
      }
      for (std::size_t column = 0; column < values.rows; ++column) {
        for (std::size_t row = column < columns ? rows : 0; row < values.columns; ++row)
          REQUIRE(values.at(column, row) == 0);
      }
    }
  }
}

TEST_CASE("probabilities in bf16 are those of FP32, rounded, over their own sum") {
  Random random(72);
  RowArena arena(arena_floats);
  for (const std::size_t columns : {1U, 17U, 128U, 385U}) {
    const Rows scores = random_rows(9, columns, 4.0F, random);
    const SoftmaxRows exact = arena.softmax_f32(jit::Isa::reference, scores);
    const SoftmaxRows rounded = arena.softmax_bf16(jit::Isa::reference, scores);
    for (std::size_t row = 0; row < scores.rows; ++row) {
      double sum = 0.0;
      for (std::size_t i = 0; i < columns; ++i) {
        REQUIRE(rounded.q.at(row, i) == jit::to_bf16(exact.p.row(row)[i]));
        sum +=
            static_cast<double>(jit::from_bf16(static_cast<std::uint16_t>(rounded.q.at(row, i))));
      }
      CHECK(rounded.reciprocal_sum[row] == doctest::Approx(1.0 / sum).epsilon(1e-6));
    }
  }
}

}  // namespace bertq::testing
