#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "row_cases.h"

namespace bertq::testing {
namespace {

constexpr std::size_t arena_floats = 1U << 17U;
constexpr std::array<std::size_t, 3> entries = {23, 2, 17};  // word, type, position

EmbeddingTables random_tables(std::size_t columns, std::size_t rows, Random& random) {
  EmbeddingTables tables;
  tables.columns = columns;
  for (const std::size_t count : entries) {
    tables.f32.push_back(random_rows(count, columns, 0.05F, random).values);
    auto& s8 = tables.s8.emplace_back(count * columns);
    for (auto& q : s8) q = static_cast<std::int8_t>(random.next());
    auto& scale = tables.scales.emplace_back(count);
    for (auto& value : scale) value = random.uniform(1e-4F, 1e-2F);
    auto& index = tables.indices.emplace_back(rows);
    for (auto& value : index) value = static_cast<std::int32_t>(random.below(count));
    index[0] = static_cast<std::int32_t>(count - 1);  // the row at the guard page
  }
  return tables;
}

float expected_element(const EmbeddingTables& tables, std::size_t row, std::size_t column,
                       bool quantized) {
  std::array<std::size_t, 3> at{};
  std::array<float, 3> scale{};
  for (std::size_t t = 0; t < 3; ++t) {
    const auto index = static_cast<std::size_t>(tables.indices[t][row]);
    at[t] = index * tables.columns + column;
    scale[t] = tables.scales[t][index];
  }
  if (!quantized) return (tables.f32[0][at[0]] + tables.f32[1][at[1]]) + tables.f32[2][at[2]];
  const auto q = [&](std::size_t t) { return static_cast<float>(tables.s8[t][at[t]]); };
  return std::fma(q(0), scale[0], std::fma(q(1), scale[1], q(2) * scale[2]));
}

}  // namespace

TEST_CASE("embeddings are exactly as the contract says, on every path") {
  const Paths paths;
  RowArena arena(arena_floats);
  Random random(90);
  std::size_t index = 0;
  for (const std::size_t columns : column_counts()) {
    const std::size_t rows = 1 + columns % 7;
    const EmbeddingTables tables = random_tables(columns, rows, random);
    arena.set_placement(index % 2 == 0 ? Edge::end : Edge::start, index % 3 * 16);
    ++index;
    std::vector<float> f32;
    std::vector<float> s8;
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t column = 0; column < columns; ++column) {
        f32.push_back(expected_element(tables, row, column, false));
        s8.push_back(expected_element(tables, row, column, true));
      }
    }
    for (const Path& path : paths.all()) {
      INFO(name_of(path), " columns ", columns);
      REQUIRE(same_bits(arena.embed_f32(path.isa, tables).values, f32));
      REQUIRE(same_bits(arena.embed_s8(path.isa, tables).values, s8));
    }
  }
}

}  // namespace bertq::testing
