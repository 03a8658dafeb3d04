#include "jit/pack.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "jit/layout.h"
#include "support/guarded_buffer.h"
#include "support/random.h"

namespace bertq::jit {
namespace {

using testing::Edge;
using testing::GuardedBuffer;
using testing::Random;

constexpr std::size_t sizes[] = {1, 3, 4, 15, 16, 17, 26, 63, 64, 65, 128, 130};

std::vector<std::int8_t> random_weights(std::size_t count, Random& random) {
  std::vector<std::int8_t> weights(count);
  for (auto& weight : weights) weight = static_cast<std::int8_t>(random.next());
  return weights;
}

}  // namespace

TEST_CASE("each element has a place of its own, inside the matrix") {
  for (const std::size_t n : sizes) {
    for (const std::size_t k : sizes) {
      CAPTURE(n);
      CAPTURE(k);
      std::set<std::size_t> s8;
      std::set<std::size_t> f32;
      std::set<std::size_t> tiles;
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < k; ++j) {
          s8.insert(packed_s8_offset(i, j, k));
          f32.insert(packed_f32_offset(i, j, k));
          tiles.insert(tile_offset(i, j, k));
        }
      }
      REQUIRE(s8.size() == n * k);
      REQUIRE(f32.size() == n * k);
      REQUIRE(tiles.size() == n * k);
      REQUIRE(*s8.rbegin() < packed_s8_bytes(n, k));
      REQUIRE(*f32.rbegin() < packed_f32_count(n, k));
      REQUIRE(*tiles.rbegin() < tiles_bytes(n, k));
    }
  }
}

TEST_CASE("the layouts are those of the dot product instructions") {
  // One register of AVX512-VNNI: 16 columns of 4 consecutive k. One AMX tile: 16 of them.
  for (std::size_t n = 0; n < 16; ++n) {
    for (std::size_t k = 0; k < 64; ++k) {
      CHECK(packed_s8_offset(n, k, 64) == k / 4 * 64 + n * 4 + k % 4);
      CHECK(tile_offset(n, k, 64) == n * 64 + k);
    }
  }
  CHECK(packed_s8_offset(16, 0, 65) == 16 * 128);  // the next panel, both depths padded
  CHECK(packed_f32_offset(16, 0, 65) == 16 * 65);  // no depth is padded here
  CHECK(packed_f32_offset(3, 2, 65) == 2 * 16 + 3);
  CHECK(tile_offset(0, 64, 128) == tile_bytes);      // along the row first,
  CHECK(tile_offset(16, 0, 128) == 2 * tile_bytes);  // then the next 16 rows
  CHECK(tiles_bytes(17, 65) == 4 * tile_bytes);
}

TEST_CASE("s8 weights land where the layout says, with zeros around and their sums beside") {
  Random random(10);
  GuardedBuffer source(130 * 130);
  GuardedBuffer packed_buffer(144 * 192);
  for (const std::size_t n : sizes) {
    for (const std::size_t k : sizes) {
      CAPTURE(n);
      CAPTURE(k);
      const std::vector<std::int8_t> weights = random_weights(n * k, random);
      const Edge edge = (n + k) % 2 == 0 ? Edge::end : Edge::start;
      auto* from = source.place<std::int8_t>(n * k, edge);
      std::copy(weights.begin(), weights.end(), from);
      auto* packed = packed_buffer.place<std::int8_t>(packed_s8_bytes(n, k), edge, 0);
      std::vector<std::int32_t> sums(n, -1);
      pack_s8(from, 0, n, k, packed, sums.data());

      std::vector<std::int8_t> expected(packed_s8_bytes(n, k), 0);
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < k; ++j)
          expected[packed_s8_offset(i, j, k)] = weights[i * k + j];
        REQUIRE(sums[i] == std::accumulate(&weights[i * k], &weights[i * k] + k, 0));
      }
      REQUIRE(std::equal(expected.begin(), expected.end(), packed));
    }
  }
}

TEST_CASE("weights packed piece by piece are those packed at once") {
  Random random(11);
  constexpr std::size_t n = 50;
  constexpr std::size_t k = 70;
  const std::vector<std::int8_t> weights = random_weights(n * k, random);
  const std::vector<float> floats(weights.begin(), weights.end());
  std::vector<std::int8_t> whole(packed_s8_bytes(n, k));
  std::vector<std::int8_t> pieces(packed_s8_bytes(n, k));
  std::vector<float> whole_f32(packed_f32_count(n, k));
  std::vector<float> pieces_f32(packed_f32_count(n, k));
  std::vector<std::int32_t> whole_sums(n);
  std::vector<std::int32_t> piece_sums(n);
  pack_s8(weights.data(), 0, n, k, whole.data(), whole_sums.data());
  pack_f32(floats.data(), 0, n, k, whole_f32.data());
  for (std::size_t row = 0; row < n;) {
    const std::size_t rows = std::min(n - row, 1 + random.below(9));
    pack_s8(&weights[row * k], row, rows, k, pieces.data(), piece_sums.data());
    pack_f32(&floats[row * k], row, rows, k, pieces_f32.data());
    row += rows;
  }
  CHECK(whole == pieces);
  CHECK(whole_sums == piece_sums);
  CHECK(whole_f32 == pieces_f32);
}

TEST_CASE("f32 weights land where the layout says, with zeros around") {
  Random random(12);
  for (const std::size_t n : sizes) {
    for (const std::size_t k : sizes) {
      std::vector<float> weights(n * k);
      for (auto& weight : weights) weight = 1.0F + random.uniform(0.0F, 1.0F);
      std::vector<float> packed(packed_f32_count(n, k));
      pack_f32(weights.data(), 0, n, k, packed.data());
      std::vector<float> expected(packed_f32_count(n, k));
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < k; ++j)
          expected[packed_f32_offset(i, j, k)] = weights[i * k + j];
      }
      REQUIRE(packed == expected);
    }
  }
}

TEST_CASE("the sums of packed rows are those that packing gave, also of extremes") {
  Random random(9);
  for (const std::size_t n : sizes) {
    for (const std::size_t k :
         {std::size_t{1}, std::size_t{64}, std::size_t{130}, std::size_t{3072}}) {
      for (const int fill : {0, -128, 127}) {
        std::vector<std::int8_t> weights = random_weights(n * k, random);
        if (fill != 0) std::fill(weights.begin(), weights.end(), static_cast<std::int8_t>(fill));
        std::vector<std::int8_t> packed(packed_s8_bytes(n, k));
        std::vector<std::int32_t> expected(padded_columns(n)), got(padded_columns(n), -1);
        pack_s8(weights.data(), 0, n, k, packed.data(), expected.data());
        column_sums_s8(packed.data(), n, k, got.data());
        REQUIRE(got == expected);
      }
    }
  }
}

TEST_CASE("a repeated row is the one it repeats, in every layout") {
  constexpr std::size_t n = 21, k = 70;
  Random random(7);
  const std::vector<std::int8_t> weights = random_weights(n * k, random);
  std::vector<std::int8_t> s8(packed_s8_bytes(n, k));
  std::vector<std::int32_t> sums(padded_columns(n));
  pack_s8(weights.data(), 0, n, k, s8.data(), sums.data());
  const std::vector<float> floats(weights.begin(), weights.end());
  std::vector<float> f32(packed_f32_count(n, k));
  pack_f32(floats.data(), 0, n, k, f32.data());
  const std::vector<std::int8_t> s8_before = s8;
  const std::vector<float> f32_before = f32;
  repeat_row(std::as_writable_bytes(std::span(s8)), padded_depth(k) / depth_group, 18, 1);
  repeat_row(std::as_writable_bytes(std::span(f32)), k, 2, 19);
  for (std::size_t row = 0; row < n; ++row) {
    for (std::size_t i = 0; i < k; ++i) {
      CHECK(s8[packed_s8_offset(row, i, k)] ==
            s8_before[packed_s8_offset(row == 1 ? 18 : row, i, k)]);
      CHECK(f32[packed_f32_offset(row, i, k)] ==
            f32_before[packed_f32_offset(row == 19 ? 2 : row, i, k)]);
    }
  }
}

}  // namespace bertq::jit
