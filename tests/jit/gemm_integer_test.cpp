// u8 x s8 products against plain integer loops: no int32 may differ, on any instruction set.
//
// A kernel shows its sums as float(sum - compensation), which is exact up to 2^24; the problems are
// made so that the difference stays below.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "gemm_arena.h"
#include "paths.h"
#include "support/random.h"

namespace bertq::testing {
namespace {

const jit::GemmSpec raw_sums = {.operands = jit::Operands::u8s8};

enum class Fill { random, lowest, highest, alternating, one_hot, zero_point_only, count };

// A million random values from `lowest` to `lowest` + 255.
std::vector<std::int16_t> random_supply(std::uint64_t seed, int lowest) {
  std::vector<std::int16_t> values(1U << 20U);
  Random random(seed);
  for (auto& value : values)
    value = static_cast<std::int16_t>(static_cast<int>(random.below(256)) + lowest);
  return values;
}

// The operands of one product. `variant` makes problems of the same fill differ.
void fill_operands(GemmProblem& p, Fill fill, std::size_t variant) {
  // Random numbers are the dearest part of a small case: all are cut from one supply.
  static const std::vector<std::int16_t> a_supply = random_supply(20, 0);
  static const std::vector<std::int16_t> b_supply = random_supply(21, -128);
  p.a_int.resize(p.m * p.k);
  p.b_int.resize(p.n * p.k);
  const auto cut = [&](const std::vector<std::int16_t>& supply, std::vector<std::int16_t>& to) {
    const std::size_t from = variant * 977 % (supply.size() / 2);
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = supply[(from + i) % supply.size()];
  };
  const auto fill_all = [](std::vector<std::int16_t>& values, std::int16_t value) {
    std::fill(values.begin(), values.end(), value);
  };
  switch (fill) {
    case Fill::random:
    case Fill::count:
      cut(a_supply, p.a_int);
      cut(b_supply, p.b_int);
      break;
    case Fill::lowest:
      fill_all(p.a_int, 255);
      fill_all(p.b_int, -128);
      break;
    case Fill::highest:
      fill_all(p.a_int, 255);
      fill_all(p.b_int, 127);
      break;
    case Fill::alternating:
      for (std::size_t i = 0; i < p.a_int.size(); ++i)
        p.a_int[i] = (i / p.k + i % p.k + variant) % 2 == 0 ? 255 : 0;
      for (std::size_t i = 0; i < p.b_int.size(); ++i)
        p.b_int[i] = (i / p.k + i % p.k) % 2 == 0 ? -128 : 127;
      break;
    case Fill::one_hot:  // row m of C is column k of B: a transposed or shifted index shows
      fill_all(p.a_int, 0);
      for (std::size_t m = 0; m < p.m; ++m) p.a_int[m * p.k + (m * 7 + variant) % p.k] = 1;
      cut(b_supply, p.b_int);
      break;
    case Fill::zero_point_only:  // all activations are zero
      fill_all(p.a_int, 128);
      cut(b_supply, p.b_int);
      break;
  }
}

void fill_compensation(GemmProblem& p, std::int32_t zero_point) {
  p.compensation.assign(p.n, 0);
  if (zero_point == 0) return;
  for (std::size_t n = 0; n < p.n; ++n) {
    std::int32_t sum = 0;
    for (std::size_t k = 0; k < p.k; ++k) sum += p.b_int[n * p.k + k];
    p.compensation[n] = zero_point * sum;
  }
}

// What the kernel must leave in C.
Elements expected_sums(const GemmProblem& p) {
  const std::vector<std::int32_t> sums = integer_sums(p);
  Elements expected(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::int32_t difference = sums[i] - p.compensation[i % p.n];
    if (std::abs(difference) >= 1 << 24) throw std::logic_error("a sum that float cannot show");
    expected[i] = static_cast<float>(difference);
  }
  return expected;
}

// Runs one placed problem on each path and collects what is wrong.
class Comparison {
 public:
  explicit Comparison(std::vector<Path> paths) : paths_(std::move(paths)) {}

  void run(GemmArena& arena, const GemmProblem& problem, const Elements& expected,
           const std::string& label, const std::vector<Path>& paths) {
    bool first = true;
    for (const Path& path : paths) {
      if (!first) arena.clear_c();
      first = false;
      arena.run(jit::Kernels::of(path.isa));
      ++cases_[path.isa];
      std::string wrong = difference(problem, arena.elements(), expected);
      if (wrong.empty()) wrong = arena.damage();
      if (!wrong.empty() && wrong_cases_++ == 0) {
        first_wrong_ = name_of(path) + " " + std::to_string(problem.m) + "x" +
                       std::to_string(problem.n) + "x" + std::to_string(problem.k) + " " + label +
                       ": " + wrong;
      }
    }
  }
  void run(GemmArena& arena, const GemmProblem& problem, const Elements& expected,
           const std::string& label) {
    run(arena, problem, expected, label, paths_);
  }
  void report(const char* what) const {
    for (const Path& path : paths_) {
      const auto found = cases_.find(path.isa);
      std::printf("%s: %s %zu cases\n", what, name_of(path).c_str(),
                  found == cases_.end() ? std::size_t{0} : found->second);
    }
    CHECK_MESSAGE(wrong_cases_ == 0, wrong_cases_, " cases are wrong; the first: ", first_wrong_);
  }
  const std::vector<Path>& paths() const { return paths_; }

 private:
  std::vector<Path> paths_;
  std::map<jit::Isa, std::size_t> cases_;
  std::size_t wrong_cases_ = 0;
  std::string first_wrong_;
};

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
  Comparison comparison(paths.all());
  GemmArena arena(last_mn, last_mn, last_k);
  GemmProblem p;
  p.spec = raw_sums;
  std::size_t index = 0;
  std::vector<Path> now;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (p.m = 1; p.m <= last_mn; ++p.m) {
      for (p.n = 1; p.n <= last_mn; ++p.n, ++index) {
        now.clear();
        for (const Path& path : comparison.paths()) {
          if (index % stride_of(path) == 0) now.push_back(path);
        }
        if (now.empty()) continue;
        p.k = depth_of(p.m, p.n, round);
        const auto fill = static_cast<Fill>((round + p.m) % static_cast<std::size_t>(Fill::count));
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
  comparison.report("integer products, m, n in 1..65, k in 1..130");
}

TEST_CASE("integer products of BERT's own shapes, one more and one less, are exact") {
  const Paths paths;
  Comparison comparison(paths.all());
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
      for (const Path& path : comparison.paths()) {
        const bool slow = path.emulated || path.isa == jit::Isa::reference;
        if (!slow || around == 4 || p.n * p.k < 200'000) now.push_back(path);
      }
      comparison.run(arena, p, expected_sums(p), label_of(Fill::random, edge), now);
    }
  }
  comparison.report("integer products, BERT's shapes");
}

TEST_CASE("integer products are exact to the depth at which int32 ends") {
  const Paths paths;
  Comparison comparison(paths.all());
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
      comparison.run(arena, p, expected, "fill " + std::to_string(static_cast<int>(fill)));
    }
  }
  comparison.report("integer products, deep");
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
      p.output_inverse_scale = 1e-3F;
      p.output_zero_point = 128;
      p.m = 1 + random.below(150);
      p.n = 1 + random.below(150);
      p.k = 1 + random.below(130);
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

}  // namespace bertq::testing
