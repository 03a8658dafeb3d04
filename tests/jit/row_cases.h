// The rows that the tests of the row kernels share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "paths.h"
#include "row_arena.h"
#include "support/random.h"

namespace bertq::testing {

// 1..130, and hidden, intermediate and sequence sizes of real models with their neighbours.
inline std::vector<std::size_t> column_counts() {
  std::vector<std::size_t> counts;
  for (std::size_t count = 1; count <= 130; ++count) counts.push_back(count);
  for (std::size_t size : {312U, 384U, 512U, 768U, 1024U, 1200U, 3072U}) {
    for (std::size_t near : {size - 1, size, size + 1}) counts.push_back(near);
  }
  return counts;
}

inline Rows random_rows(std::size_t rows, std::size_t columns, float scale, Random& random) {
  Rows x = {rows, columns, std::vector<float>(rows * columns)};
  std::generate(x.values.begin(), x.values.end(), [&] { return scale * random.bell(); });
  return x;
}

// Rows whose values are the corners of float arithmetic: one row a pattern.
inline Rows corner_rows(std::size_t columns, Random& random) {
  const std::vector<std::function<float(std::size_t)>> patterns = {
      [](std::size_t) { return 0.0F; },
      [](std::size_t) { return -0.0F; },
      [](std::size_t i) { return i % 2 == 0 ? 0.0F : -0.0F; },
      [](std::size_t i) { return i % 2 == 0 ? 1e-40F : -1e-42F; },  // denormal
      [](std::size_t i) { return i % 3 == 0 ? 1.2e-38F : 0.0F; },   // nearly so
      [](std::size_t i) { return i % 2 == 0 ? 3e-31F : -7e-31F; },  // small ranges
      [](std::size_t) { return 7.25F; },                            // constant
      [](std::size_t) { return -88.0F; },
      [](std::size_t i) { return i == 0 ? 88.0F : -88.0F; },
      [](std::size_t i) { return static_cast<float>(i % 255) - 127.0F; },
      [](std::size_t i) { return i % 2 == 0 ? 0.5F : 127.0F; },  // ties
      [&](std::size_t) { return 1e4F + 1e-3F * random.bell(); },
      [&](std::size_t) { return 1e15F * random.bell(); },
      [&](std::size_t i) { return i == 3 ? 1e6F : random.bell(); },  // an outlier
  };
  Rows x = {patterns.size(), columns, {}};
  for (const auto& pattern : patterns) {
    for (std::size_t i = 0; i < columns; ++i) x.values.push_back(pattern(i));
  }
  return x;
}

// Calls `check(x)` with rows of every size at both edges, ordinary ones and corners.
inline void for_each_rows(RowArena& arena, const std::function<void(const Rows&)>& check) {
  Random random(50);
  std::size_t index = 0;
  for (const std::size_t columns : column_counts()) {
    for (const Edge edge : {Edge::end, Edge::start}) {
      arena.set_placement(edge, index++ % 3 * 16);
      const std::size_t rows = columns > 200 ? 3 : std::size_t{1} + columns * 7 % 35;
      check(random_rows(rows, columns, 3.0F, random));
      check(corner_rows(columns, random));
    }
  }
}

// The same rows in another order: row i of the result is row order[i].
inline Rows permuted(const Rows& x, const std::vector<std::size_t>& order) {
  Rows result = {x.rows, x.columns, {}};
  for (const std::size_t row : order)
    result.values.insert(result.values.end(), x.row(row), x.row(row) + x.columns);
  return result;
}

inline std::vector<std::size_t> shuffled(std::size_t count, Random& random) {
  std::vector<std::size_t> order(count);
  for (std::size_t i = 0; i < count; ++i) order[i] = i;
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

}  // namespace bertq::testing
