// u8 x s8 products against plain integer loops: no int32 may differ, on any instruction set.
//
// A kernel shows its sums as float(sum - compensation), which is exact up to 2^24; the problems are
// made so that the difference stays below.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <thread>
#include <vector>

#include "gemm_arena.h"
#include "gemm_comparison.h"
#include "integer_products.h"
#include "paths.h"
#include "support/random.h"

namespace bertq::testing {
namespace {

const jit::GemmSpec raw_sums = {.operands = jit::Operands::u8s8};

std::string label_of(Fill fill, Edge edge) {
  return "fill " + std::to_string(static_cast<int>(fill)) +
         (edge == Edge::end ? " ending" : " starting") + " at a guard page";
}

constexpr std::size_t last_mn = 65;
constexpr std::size_t last_k = 130;
constexpr std::size_t rounds = 24;  // x 65 x 65 = 101,400 cases

// All (m, n); all (m, k) and (n, k) as well, because 2m and 2n run through one parity of k and the
// rounds through both.
std::size_t depth_of(std::size_t m, std::size_t n, std::size_t round) {
  return (2 * (m - 1) + 2 * (n - 1) + 5 * round) % last_k + 1;
}

// Cases an ISA skips for each one it runs. The slow ones do fewer: 5,337 and 2,158. Both numbers
// have no factor in common with the rounds and the sizes, so these too meet every m, n and k.
std::size_t stride_of(const Path& path) {
#ifndef __OPTIMIZE__
  return path.isa == jit::Isa::reference || path.emulated ? 499 : 19;
#else
  if (path.emulated) return 47;
  return path.isa == jit::Isa::reference ? 19 : 1;
#endif
}

}  // namespace

TEST_CASE("the small shapes cover all pairs of m, n and k") {
  std::vector<bool> mk(last_mn * last_k);
  std::vector<bool> nk(last_mn * last_k);
  for (std::size_t m = 1; m <= last_mn; ++m) {
    for (std::size_t n = 1; n <= last_mn; ++n) {
      for (std::size_t round = 0; round < rounds; ++round) {
        const std::size_t k = depth_of(m, n, round);
        mk[(m - 1) * last_k + k - 1] = true;
        nk[(n - 1) * last_k + k - 1] = true;
      }
    }
  }
  CHECK(std::find(mk.begin(), mk.end(), false) == mk.end());
  CHECK(std::find(nk.begin(), nk.end(), false) == nk.end());
}

TEST_CASE("integer products of small shapes are exact") {
  const Paths paths;
  GemmComparison comparison;
  GemmArena arena(last_mn, last_mn, last_k);
  GemmProblem p;
  p.spec = raw_sums;
  std::size_t index = 0;
  const std::vector<Path> all = paths.all();
  std::vector<Path> now;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (p.m = 1; p.m <= last_mn; ++p.m) {
      for (p.n = 1; p.n <= last_mn; ++p.n, ++index) {
        now.clear();
        for (const Path& path : all) {
          if (index % stride_of(path) == 0) now.push_back(path);
        }
        if (now.empty()) continue;
        p.k = depth_of(p.m, p.n, round);
        const auto fill = static_cast<Fill>((round + p.m) % fill_count);
        fill_operands(p, fill, index);
        const bool compensated = fill == Fill::zero_point_only || (p.n + round) % 2 == 0;
        fill_compensation(p, compensated ? 128 : 0);
        const Placement placement = {.edge = (p.m + p.n) % 2 == 0 ? Edge::end : Edge::start,
                                     .extra_columns = index % 3 * 16};
        arena.place(p, placement);
        comparison.run(arena, p, expected_sums(p), label_of(fill, placement.edge), now);
      }
    }
  }
  comparison.report("integer products, m, n in 1..65, k in 1..130", paths.all());
}

TEST_CASE("integer products of BERT's own shapes, one more and one less, are exact") {
  const Paths paths;
  GemmComparison comparison;
  // n x k of tiny, MiniLM, hidden 312 with heads of 26, and BERT-base.
  const std::vector<std::array<std::size_t, 2>> shapes = {
      {128, 128},  {384, 384},  {1536, 384}, {384, 1536}, {312, 312},
      {1200, 312}, {312, 1200}, {768, 768},  {768, 3072}, {3072, 768}};
  GemmArena arena(34, 3073, 3073);
  GemmProblem p;
  p.spec = raw_sums;
  std::size_t variant = 0;
  for (const auto& [n, k] : shapes) {
    for (std::size_t around = 0; around < 9; ++around, ++variant) {
      p.m = std::array<std::size_t, 3>{1, 17, 34}[variant % 3];
      p.n = n + around / 3 - 1;
      p.k = k + around % 3 - 1;
      fill_operands(p, Fill::random, variant);
      fill_compensation(p, 128);
      const Edge edge = variant % 2 == 0 ? Edge::end : Edge::start;
      arena.place(p, {.edge = edge});
      std::vector<Path> now;
      for (const Path& path : paths.all()) {
        const bool slow = path.emulated || path.isa == jit::Isa::reference;
        if (!slow || around == 4 || p.n * p.k < 200'000) now.push_back(path);
      }
      comparison.run(arena, p, expected_sums(p), label_of(Fill::random, edge), now);
    }
  }
  comparison.report("integer products, BERT's shapes", paths.all());
}

TEST_CASE("integer products are exact to the depth at which int32 ends") {
  const Paths paths;
  GemmComparison comparison;
  GemmArena arena(17, 17, 65'793);
  GemmProblem p;
  p.spec = raw_sums;
  p.m = 17;
  p.n = 17;
  for (const std::size_t k : std::array<std::size_t, 4>{4'095, 16'384, 65'792, 65'793}) {
    p.k = k;
    for (const Fill fill : {Fill::random, Fill::lowest, Fill::highest, Fill::alternating}) {
      fill_operands(p, fill, k);
      // Compensation near the first row's sums makes the difference small, and each one another.
      p.compensation.assign(p.n, 0);
      const std::vector<std::int32_t> sums = integer_sums(p);
      for (std::size_t n = 0; n < p.n; ++n) {
        const auto offset = static_cast<std::int32_t>(1000 * n + 1);
        p.compensation[n] = sums[n] < 0 ? sums[n] + offset : sums[n] - offset;
      }
      const Elements expected = [&] {
        if (fill != Fill::alternating) return expected_sums(p);
        // Rows 0 and 1 are far apart: the difference is rounded, as the contract says.
        Elements rounded(sums.size());
        for (std::size_t i = 0; i < sums.size(); ++i)
          rounded[i] = static_cast<float>(sums[i] - p.compensation[i % p.n]);
        return rounded;
      }();
      arena.place(p, {});
      comparison.run(arena, p, expected, "fill " + std::to_string(static_cast<int>(fill)),
                     paths.all());
    }
  }
  comparison.report("integer products, deep", paths.all());
}

TEST_CASE("any division into blocks gives the whole") {
  const Paths paths;
  Random random(21);
  GemmArena arena(150, 150, 130);
  for (const Path& path : paths.all()) {
    CAPTURE(name_of(path));
    const jit::Kernels& kernels = jit::Kernels::of(path.isa);
    for (int round = 0; round < (path.emulated ? 6 : 40); ++round) {
      GemmProblem p;
      p.spec = raw_sums;
      p.spec.output = round % 2 == 0 ? jit::Output::f32 : jit::Output::u8_tiles;
      p.m = 1 + random.below(150);
      p.n = 1 + random.below(150);
      p.k = 1 + random.below(130);
      p.output_multiplier.assign(p.n, 1e-3F);
      p.output_offset.assign(p.n, 128.0F);
      fill_operands(p, Fill::random, static_cast<std::size_t>(round));
      fill_compensation(p, 128);
      arena.place(p, {.edge = round % 4 < 2 ? Edge::end : Edge::start});
      arena.run(kernels);
      const Elements whole = arena.elements();

      // Cut at multiples of 16, run the blocks in any order.
      const auto cut = [&](std::size_t end) {
        std::vector<jit::Range> ranges;
        std::size_t begin = 0;
        while (begin < end) {
          const std::size_t next = std::min(end, begin + 16 * (1 + random.below(5)));
          ranges.push_back({begin, next});
          begin = next;
        }
        return ranges;
      };
      struct Block {
        jit::Range rows, columns;
      };
      std::vector<Block> blocks;
      const std::vector<jit::Range> column_ranges = cut(p.n);
      for (const jit::Range rows : cut(p.m)) {
        for (const jit::Range columns : column_ranges) blocks.push_back({rows, columns});
      }
      for (std::size_t i = blocks.size(); i > 1; --i)
        std::swap(blocks[i - 1], blocks[random.below(i)]);
      arena.clear_c();
      const jit::ThreadScope scope(path.isa);
      for (const Block& block : blocks)
        kernels.gemm(p.spec).run(arena.args(), block.rows, block.columns);
      const std::string wrong = difference(p, arena.elements(), whole);
      REQUIRE_MESSAGE(wrong.empty(), wrong);
      REQUIRE_MESSAGE(arena.damage().empty(), arena.damage());
    }
  }
}

TEST_CASE("several threads compute blocks of one product") {
  const Paths paths;
  GemmProblem p;
  p.spec = raw_sums;
  p.m = 150;
  p.n = 90;
  p.k = 100;
  fill_operands(p, Fill::random, 1);
  fill_compensation(p, 128);
  const Elements expected = expected_sums(p);
  GemmArena arena(p.m, p.n, p.k);
  for (const Path& path : paths.all()) {
    arena.place(p, {});
    const jit::Gemm& gemm = jit::Kernels::of(path.isa).gemm(p.spec);
    std::vector<std::thread> threads;
    for (const std::size_t first : {0U, 32U, 64U, 96U, 128U}) {
      threads.emplace_back([&, first] {
        const jit::ThreadScope scope(path.isa);
        for (std::size_t n = 0; n < p.n; n += 48)
          gemm.run(arena.args(), {first, std::min(p.m, first + 32)}, {n, std::min(p.n, n + 48)});
      });
    }
    for (std::thread& thread : threads) thread.join();
    const std::string wrong = difference(p, arena.elements(), expected);
    CHECK_MESSAGE(wrong.empty(), name_of(path), ": ", wrong);
  }
}

}  // namespace bertq::testing
