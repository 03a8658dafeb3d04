// f32 rows to u8 tiles and to the packed s8 operands of attention.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "jit/layout.h"
#include "row_cases.h"

namespace bertq::testing {
namespace {

constexpr std::size_t arena_floats = 1U << 17U;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// Checks one quantised row or column against what row_kernels.h says, and returns its sum.
// `value(i)` and `q(i)` run over `count` elements; q is counted from the zero point here.
template <typename Value, typename Quantized>
std::int32_t check_quantized(std::size_t count, Value value, Quantized q, float scale,
                             const DynamicRange& dynamic = {}) {
  float range = dynamic.least_range;
  for (std::size_t i = 0; i < count; ++i) range = std::max(range, std::fabs(value(i)));
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += q(i);
  if (range < 1e-30F) {  // nothing worth dividing by
    REQUIRE(scale == 0.0F);
    for (std::size_t i = 0; i < count; ++i) REQUIRE(q(i) == 0);
    return sum;
  }
  REQUIRE(scale == range / dynamic.steps);
  const float inverse = dynamic.steps / range;
  const auto highest = static_cast<std::int32_t>(dynamic.steps);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const bool rounded = q(i) == static_cast<std::int32_t>(std::nearbyint(value(i) * inverse));
    // The way back loses half a step at most, but for the rounding of scale and inverse.
    const double lost = std::abs(static_cast<double>(scale) * q(i) - static_cast<double>(value(i)));
    const bool close = lost <= static_cast<double>(scale) * (0.5 + 255 * 0x1p-22);
    if (!rounded || !close || q(i) > highest || q(i) < -dynamic.zero_point) ++wrong;
  }
  REQUIRE(wrong == 0);
  return sum;
}

// Whether the rows from `first_row` on are zero, and in those before, the columns from
// `first_column` on (0: none of those).
bool all_zero(const QuantizedRows& rows, std::size_t first_row, std::size_t first_column) {
  for (std::size_t row = 0; row < rows.rows; ++row) {
    const bool beyond = row >= first_row;
    if (!beyond && first_column == 0) continue;
    for (std::size_t column = beyond ? 0 : first_column; column < rows.columns; ++column) {
      if (rows.at(row, column) != 0) return false;
    }
  }
  return true;
}

}  // namespace

// A range for each column: some ordinary, some whose zero is not among the steps.
struct ColumnRanges {
  std::vector<float> multiplier, offset;
};
ColumnRanges column_ranges(std::size_t columns) {
  ColumnRanges ranges;
  for (std::size_t i = 0; i < columns; ++i) {
    ranges.multiplier.push_back(3.7F + static_cast<float>(i % 11) * 9.1F);
    ranges.offset.push_back(static_cast<float>(i * 97 % 600) - 200.0F);
  }
  return ranges;
}

TEST_CASE("quantisation of rows has the same bits everywhere") {
  const Paths paths;
  RowArena arena(arena_floats);
  for_each_rows(arena, [&](const Rows& x) {
    const QuantizedRows dynamic = arena.quantize_dynamic(jit::Isa::reference, x);
    const QuantizedRows fixed = arena.quantize_static(jit::Isa::reference, x, 13.5F, 100);
    const QuantizedRows bounded = arena.quantize_static(jit::Isa::reference, x, 77.7F, 128, 1);
    const QuantizedRows fused = arena.quantize_fused(jit::Isa::reference, x, 13.37F, 61);
    const ColumnRanges ranges = column_ranges(x.columns);
    const QuantizedRows columns =
        arena.quantize_columns(jit::Isa::reference, x, ranges.multiplier, ranges.offset);
    const QuantizedRows keys = arena.pack_keys(jit::Isa::reference, x);
    const QuantizedRows values = arena.pack_values(jit::Isa::reference, x);
    for (const Path& path : paths.generated()) {
      INFO(name_of(path), " rows ", x.rows, " columns ", x.columns);
      REQUIRE(same_bits(arena.quantize_dynamic(path.isa, x), dynamic));
      REQUIRE(same_bits(arena.quantize_static(path.isa, x, 13.5F, 100), fixed));
      REQUIRE(same_bits(arena.quantize_static(path.isa, x, 77.7F, 128, 1), bounded));
      REQUIRE(same_bits(arena.quantize_fused(path.isa, x, 13.37F, 61), fused));
      REQUIRE(same_bits(arena.quantize_columns(path.isa, x, ranges.multiplier, ranges.offset),
                        columns));
      REQUIRE(same_bits(arena.pack_keys(path.isa, x), keys));
      REQUIRE(same_bits(arena.pack_values(path.isa, x), values));
    }
  });
}

TEST_CASE("`reference` quantises as the contract says") {
  RowArena arena(arena_floats);
  for_each_rows(arena, [&](const Rows& x) {
    INFO("rows ", x.rows, " columns ", x.columns);
    const QuantizedRows dynamic = arena.quantize_dynamic(jit::Isa::reference, x);
    const QuantizedRows fixed = arena.quantize_static(jit::Isa::reference, x, 13.5F, 100);
    const QuantizedRows keys = arena.pack_keys(jit::Isa::reference, x);
    const QuantizedRows values = arena.pack_values(jit::Isa::reference, x);
    for (std::size_t row = 0; row < x.rows; ++row) {
      const auto value = [&](std::size_t i) { return x.row(row)[i]; };
      check_quantized(
          x.columns, value, [&](std::size_t i) { return dynamic.at(row, i) - 128; },
          dynamic.scale[row]);
      const std::int32_t sum = check_quantized(
          x.columns, value, [&](std::size_t i) { return keys.at(row, i); }, keys.scale[row]);
      REQUIRE(keys.sum[row] == sum);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < x.columns; ++i) {
        const float q = std::nearbyint(value(i) * 13.5F) + 100.0F;
        if (fixed.at(row, i) != static_cast<std::int32_t>(std::clamp(q, 0.0F, 255.0F))) ++wrong;
      }
      REQUIRE(wrong == 0);
      for (std::size_t i = x.columns; i < dynamic.columns; ++i) {
        if (dynamic.at(row, i) != 128 || fixed.at(row, i) != 100 || keys.at(row, i) != 0) ++wrong;
      }
      REQUIRE(wrong == 0);
    }
    for (std::size_t row = x.rows; row < keys.rows; ++row) {
      REQUIRE(keys.scale[row] == 0.0F);
      REQUIRE(keys.sum[row] == 0);
    }
    // What lies beyond the last row or column of a packed operand must multiply to nothing.
    REQUIRE(all_zero(keys, x.rows, 0));
    for (std::size_t column = 0; column < values.rows; ++column) {
      const bool real = column < x.columns;
      if (real) {
        check_quantized(
            x.rows, [&](std::size_t row) { return x.row(row)[column]; },
            [&](std::size_t row) { return values.at(column, row); }, values.scale[column]);
      }
    }
    REQUIRE(all_zero(values, x.columns, x.rows));
  });
}

TEST_CASE("a range with a zero point of its own uses all 256 steps") {
  // No value is below -0.17, as behind GELU: 0.17 * 240 / 15 = 2.72 is the least range at which
  // what lies below zero fits the 15 steps there.
  constexpr float lowest = -0.17F;
  const std::vector<DynamicRange> ranges = {
      {.zero_point = 15, .steps = 240.0F, .least_range = 2.72F},
      {.zero_point = 0, .steps = 255.0F}};
  const Paths paths;
  RowArena arena(arena_floats);
  for_each_rows(arena, [&](const Rows& two_sided) {
    for (const DynamicRange& range : ranges) {
      Rows x = two_sided;
      for (float& value : x.values) value = std::max(value, range.zero_point == 0 ? 0.0F : lowest);
      const QuantizedRows expected = arena.quantize_dynamic(jit::Isa::reference, x, range);
      for (std::size_t row = 0; row < x.rows; ++row) {
        check_quantized(
            x.columns, [&](std::size_t i) { return x.row(row)[i]; },
            [&](std::size_t i) { return expected.at(row, i) - range.zero_point; },
            expected.scale[row], range);
        for (std::size_t i = x.columns; i < expected.columns; ++i)
          REQUIRE(expected.at(row, i) == range.zero_point);
      }
      for (const Path& path : paths.generated()) {
        INFO(name_of(path), " columns ", x.columns);
        REQUIRE(same_bits(arena.quantize_dynamic(path.isa, x, range), expected));
      }
    }
  });
}

TEST_CASE("values are transposed at every head size and length") {
  const Paths paths;
  RowArena arena(arena_floats);
  Random random(80);
  for (const std::size_t head : {1U, 8U, 15U, 16U, 26U, 32U, 33U, 64U, 80U, 128U}) {
    for (const std::size_t length :
         {1U, 2U, 3U, 4U, 5U, 15U, 16U, 17U, 63U, 64U, 65U, 128U, 384U}) {
      arena.set_placement(length % 2 == 0 ? Edge::end : Edge::start, head % 3 * 16);
      const Rows x = random_rows(length, head, 1.0F, random);
      const QuantizedRows expected = arena.pack_values(jit::Isa::reference, x);
      const QuantizedRows keys = arena.pack_keys(jit::Isa::reference, x);
      for (const Path& path : paths.generated()) {
        INFO(name_of(path), " head ", head, " length ", length);
        REQUIRE(same_bits(arena.pack_values(path.isa, x), expected));
        REQUIRE(same_bits(arena.pack_keys(path.isa, x), keys));
      }
    }
  }
}

TEST_CASE("a row or column that is not finite shows in its scale, and only there") {
  const Paths paths;
  RowArena arena(arena_floats);
  Random random(81);
  for (const Path& path : paths.all()) {
    for (const std::size_t columns : {1U, 15U, 16U, 17U, 50U, 384U}) {
      for (const float bad : {infinity, -infinity, nan, -nan}) {
        INFO(name_of(path), " columns ", columns, " value ", bad);
        Rows x = random_rows(19, columns, 1.0F, random);
        const std::size_t bad_row = random.below(19);
        const std::size_t bad_column = random.below(columns);
        x.row(bad_row)[bad_column] = bad;
        const QuantizedRows dynamic = arena.quantize_dynamic(path.isa, x);
        const QuantizedRows one_sided = arena.quantize_dynamic(
            path.isa, x, {.zero_point = 15, .steps = 240.0F, .least_range = 2.72F});
        const QuantizedRows keys = arena.pack_keys(path.isa, x);
        const QuantizedRows values = arena.pack_values(path.isa, x);
        for (std::size_t row = 0; row < x.rows; ++row) {
          REQUIRE(std::isfinite(dynamic.scale[row]) == (row != bad_row));
          REQUIRE(std::isfinite(one_sided.scale[row]) == (row != bad_row));
          REQUIRE(std::isfinite(keys.scale[row]) == (row != bad_row));
        }
        for (std::size_t column = 0; column < columns; ++column)
          REQUIRE(std::isfinite(values.scale[column]) == (column != bad_column));
      }
    }
  }
}

TEST_CASE("ties go to even and static quantisation saturates") {
  const Paths paths;
  RowArena arena(arena_floats);
  const Rows ties = {1, 8, {127.0F, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -126.5F, -125.5F}};
  const Rows wide = {1, 8, {3e38F, -3e38F, infinity, -infinity, 4e9F, -4e9F, 0.0F, -0.0F}};
  for (const Path& path : paths.all()) {
    CAPTURE(name_of(path));
    const QuantizedRows dynamic = arena.quantize_dynamic(path.isa, ties);
    const std::vector<std::int32_t> expected = {255, 128, 130, 130, 128, 126, 2, 2};
    CHECK(std::equal(expected.begin(), expected.end(), dynamic.q.begin()));
    const QuantizedRows fixed = arena.quantize_static(path.isa, wide, 1e3F, 77);
    const std::vector<std::int32_t> ends = {255, 0, 255, 0, 255, 0, 77, 77};
    CHECK(std::equal(ends.begin(), ends.end(), fixed.q.begin()));
  }
}

TEST_CASE("a zero point that is added before rounding is rounded with the product") {
  // 0.4999 + 3 is 3 to the nearest, and so is 0.4999 to the nearest + 3; but 2^-24 + 0.5 + 3 is a
  // tie in float, which goes to 4, while 2^-24 + 0.5 alone goes to 1.
  const float above_half = std::nextafter(0.5F, 1.0F);
  const Rows x = {1, 8, {0.4999F, above_half, 0.5F, 1.5F, -3.5F, -1e30F, 1e30F, 252.5F}};
  const std::vector<std::int32_t> fused = {3, 4, 4, 4, 0, 0, 255, 255};
  const std::vector<std::int32_t> after = {3, 4, 3, 5, 0, 0, 255, 255};
  const Paths paths;
  RowArena arena(arena_floats);
  for (const Path& path : paths.all()) {
    CAPTURE(name_of(path));
    const QuantizedRows once = arena.quantize_fused(path.isa, x, 1.0F, 3);
    CHECK(std::equal(fused.begin(), fused.end(), once.q.begin()));
    const QuantizedRows twice = arena.quantize_static(path.isa, x, 1.0F, 3);
    CHECK(std::equal(after.begin(), after.end(), twice.q.begin()));
    const Rows odd = {1, 1, {nan}};
    CHECK(arena.quantize_fused(path.isa, odd, 1.0F, 3).at(0, 0) == 0);
  }
}

TEST_CASE("fused quantisation is one fused multiply-add, rounded and clamped") {
  RowArena arena(arena_floats);
  for_each_rows(arena, [&](const Rows& x) {
    const QuantizedRows fused = arena.quantize_fused(jit::Isa::reference, x, 13.37F, 61);
    const QuantizedRows bounded = arena.quantize_static(jit::Isa::reference, x, 77.7F, 128, 1);
    const ColumnRanges ranges = column_ranges(x.columns);
    const QuantizedRows columns =
        arena.quantize_columns(jit::Isa::reference, x, ranges.multiplier, ranges.offset);
    std::size_t wrong = 0;
    for (std::size_t row = 0; row < x.rows; ++row) {
      for (std::size_t i = 0; i < fused.columns; ++i) {
        if (i < x.columns) {
          const double c =
              std::nearbyint(std::fma(x.row(row)[i], ranges.multiplier[i], ranges.offset[i]));
          if (columns.at(row, i) != static_cast<std::int32_t>(std::clamp(c, 0.0, 255.0))) ++wrong;
        }
        const float value = i < x.columns ? x.row(row)[i] : 0.0F;
        const double q = std::nearbyint(std::fma(value, 13.37F, 61.0F));
        if (fused.at(row, i) != static_cast<std::int32_t>(std::clamp(q, 0.0, 255.0))) ++wrong;
        const double s = std::nearbyint(value * 77.7F) + 128.0;
        if (bounded.at(row, i) != static_cast<std::int32_t>(std::clamp(s, 1.0, 255.0))) ++wrong;
      }
    }
    REQUIRE(wrong == 0);
  });
}

TEST_CASE("rows quantise independently") {
  const Paths paths;
  RowArena arena(arena_floats);
  Random random(82);
  const Rows x = random_rows(33, 100, 2.0F, random);
  const std::vector<std::size_t> order = shuffled(33, random);
  for (const Path& path : paths.all()) {
    const QuantizedRows straight = arena.quantize_dynamic(path.isa, x);
    const QuantizedRows mixed = arena.quantize_dynamic(path.isa, permuted(x, order));
    const QuantizedRows keys = arena.pack_keys(path.isa, x);
    const QuantizedRows mixed_keys = arena.pack_keys(path.isa, permuted(x, order));
    for (std::size_t row = 0; row < 33; ++row) {
      REQUIRE(mixed.scale[row] == straight.scale[order[row]]);
      REQUIRE(mixed_keys.sum[row] == keys.sum[order[row]]);
      for (std::size_t i = 0; i < 100; ++i) {
        REQUIRE(mixed.at(row, i) == straight.at(order[row], i));
        REQUIRE(mixed_keys.at(row, i) == keys.at(order[row], i));
      }
    }
  }
}

}  // namespace bertq::testing
