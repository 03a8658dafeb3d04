#include <doctest/doctest.h>

#include <cmath>

#include "jit/bf16.h"
#include "row_cases.h"

namespace bertq::testing {
namespace {

constexpr std::size_t arena_floats = 1U << 17U;
EmbeddingTables random_tables(std::size_t columns, std::size_t rows, Random& random) {
  constexpr std::size_t words = 23;
  constexpr std::size_t types = 2;
  constexpr std::size_t positions = 17;
  // The first row asks for the last entry, which lies at the guard page.
  const auto indices = [&](std::size_t entries) {
    std::vector<std::int32_t> numbers(rows);
    for (auto& number : numbers) number = static_cast<std::int32_t>(random.below(entries));
    numbers[0] = static_cast<std::int32_t>(entries - 1);
    return numbers;
  };
  EmbeddingTables tables;
  tables.columns = columns;
  tables.word = random_rows(words, columns, 0.05F, random).values;
  tables.type = random_rows(types, columns, 0.05F, random).values;
  tables.position = random_rows(positions, columns, 0.05F, random).values;
  tables.word_s8.resize(words * columns);
  for (auto& q : tables.word_s8) q = static_cast<std::int8_t>(random.next());
  for (const float word : tables.word) tables.word_bf16.push_back(jit::to_bf16(word));
  for (std::size_t i = 0; i < words; ++i) tables.word_scale.push_back(random.uniform(1e-4F, 1e-2F));
  tables.ids = indices(words);
  tables.segments = indices(types);
  tables.positions = indices(positions);
  return tables;
}

enum class Words { f32, s8, bf16 };

// out[row][column] as row_kernels.h spells it.
float expected_element(const EmbeddingTables& tables, std::size_t row, std::size_t column,
                       Words words) {
  const auto at = [&](const std::vector<std::int32_t>& indices) {
    return static_cast<std::size_t>(indices[row]) * tables.columns + column;
  };
  const float type = tables.type[at(tables.segments)];
  const float position = tables.position[at(tables.positions)];
  if (words == Words::f32) return (tables.word[at(tables.ids)] + type) + position;
  if (words == Words::bf16) {
    return (jit::from_bf16(tables.word_bf16[at(tables.ids)]) + type) + position;
  }
  const float scale = tables.word_scale[static_cast<std::size_t>(tables.ids[row])];
  return std::fma(static_cast<float>(tables.word_s8[at(tables.ids)]), scale, type + position);
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
    std::vector<float> bf16;
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t column = 0; column < columns; ++column) {
        f32.push_back(expected_element(tables, row, column, Words::f32));
        s8.push_back(expected_element(tables, row, column, Words::s8));
        bf16.push_back(expected_element(tables, row, column, Words::bf16));
      }
    }
    for (const Path& path : paths.all()) {
      INFO(name_of(path), " columns ", columns);
      REQUIRE(same_bits(arena.embed_f32(path.isa, tables).values, f32));
      REQUIRE(same_bits(arena.embed_s8(path.isa, tables).values, s8));
      REQUIRE(same_bits(arena.embed_bf16(path.isa, tables).values, bf16));
    }
  }
}

}  // namespace bertq::testing
