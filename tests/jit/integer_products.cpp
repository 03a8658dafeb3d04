#include "integer_products.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "support/random.h"

namespace bertq::testing {
namespace {

// A million random values from `lowest` to `lowest` + 255.
std::vector<std::int16_t> random_supply(std::uint64_t seed, int lowest) {
  std::vector<std::int16_t> values(1U << 20U);
  Random random(seed);
  for (auto& value : values)
    value = static_cast<std::int16_t>(static_cast<int>(random.below(256)) + lowest);
  return values;
}

}  // namespace

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
    case Fill::one_hot:
      fill_all(p.a_int, 0);
      for (std::size_t m = 0; m < p.m; ++m) p.a_int[m * p.k + (m * 7 + variant) % p.k] = 1;
      cut(b_supply, p.b_int);
      break;
    case Fill::zero_point_only:
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

std::vector<std::int32_t> integer_sums(const GemmProblem& problem) {
  std::vector<std::int32_t> sums(problem.m * problem.n);
  for (std::size_t m = 0; m < problem.m; ++m) {
    const std::int16_t* a = &problem.a_int[m * problem.k];
    for (std::size_t n = 0; n < problem.n; ++n) {
      const std::int16_t* b = &problem.b_int[n * problem.k];
      std::int32_t sum = 0;
      for (std::size_t k = 0; k < problem.k; ++k) sum += std::int32_t{a[k]} * b[k];
      sums[m * problem.n + n] = sum;
    }
  }
  return sums;
}

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

}  // namespace bertq::testing
