#include "gemm_arena.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "jit/bf16.h"
#include "jit/layout.h"
#include "jit/pack.h"

namespace bertq::testing {
namespace {

using jit::GemmSpec;
using jit::Operands;
using jit::Output;

constexpr int nan_bytes = 0xFF;
constexpr int garbage_bytes = 0xE7;  // 231 as u8, -25 as s8
constexpr std::size_t spare_rows = 3;
constexpr std::size_t spare_columns = 64;

std::size_t f32_count(std::size_t rows, std::size_t columns) {
  return rows * (jit::padded_columns(columns) + spare_columns);
}

// Of a matrix whose last row ends with its padding, not with its leading dimension.
std::size_t strided_count(std::size_t rows, std::size_t ld, std::size_t columns) {
  return (rows - 1) * ld + jit::padded_columns(columns);
}

// A vector over n or m, its padding NaN.
template <typename T>
const T* place_vector(GuardedBuffer& buffer, const std::vector<T>& values, std::size_t padded,
                      Edge edge) {
  T* placed = buffer.place<T>(padded, edge, nan_bytes);
  std::copy(values.begin(), values.end(), placed);
  return placed;
}

}  // namespace

GemmArena::GemmArena(std::size_t max_m, std::size_t max_n, std::size_t max_k)
    : a_(std::max(jit::bf16_tiles_bytes(max_m, max_k), 4 * f32_count(max_m, max_k))),
      b_(4 * jit::padded_columns(max_n) * jit::padded_depth(max_k)),
      compensation_(4 * jit::padded_columns(max_n)),
      row_scale_(4 * max_m),
      column_scale_(4 * jit::padded_columns(max_n)),
      bias_(4 * jit::padded_columns(max_n)),
      residual_(4 * f32_count(max_m, max_n)),
      output_multiplier_(4 * jit::padded_columns(max_n)),
      output_offset_(4 * jit::padded_columns(max_n)),
      c_(std::max(jit::bf16_tiles_bytes(max_m, max_n + spare_columns),
                  4 * f32_count(max_m + spare_rows, max_n))) {}

void GemmArena::place(const GemmProblem& problem, const Placement& placement) {
  problem_ = &problem;
  placement_ = placement;
  args_ = jit::GemmArgs{};
  args_.m = problem.m;
  args_.n = problem.n;
  args_.k = problem.k;
  place_a();
  place_b();
  place_vectors();
  place_c();
  clear_c();
}

void GemmArena::place_a() {
  const GemmProblem& p = *problem_;
  if (p.spec.operands == Operands::f32) {
    args_.lda = jit::padded_columns(p.k) + placement_.extra_columns;
    auto* a = a_.place<float>(strided_count(p.m, args_.lda, p.k), placement_.edge, nan_bytes);
    for (std::size_t m = 0; m < p.m; ++m) std::copy_n(&p.a_f32[m * p.k], p.k, a + m * args_.lda);
    args_.a = a;
    return;
  }
  if (p.spec.operands == Operands::bf16) return place_bf16_a();
  auto* a = a_.place<std::uint8_t>(jit::tiles_bytes(p.m, p.k), placement_.edge, garbage_bytes);
  for (std::size_t m = 0; m < p.m; ++m) {
    for (std::size_t k = 0; k < p.k; k += jit::tile_depth) {
      const std::int16_t* from = &p.a_int[m * p.k + k];
      std::uint8_t* to = a + jit::tile_offset(m, k, p.k);
      const std::size_t count = std::min(jit::tile_depth, p.k - k);
      for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<std::uint8_t>(from[i]);
    }
  }
  args_.a = a;
}

// The padding of a row must be zeros; what lies in rows that are none may be anything.
void GemmArena::place_bf16_a() {
  const GemmProblem& p = *problem_;
  auto* a = a_.place<std::uint8_t>(jit::bf16_tiles_bytes(p.m, p.k), placement_.edge, garbage_bytes);
  for (std::size_t m = 0; m < p.m; ++m) {
    for (std::size_t k = 0; k < jit::round_up(p.k, jit::bf16_tile_depth); ++k) {
      const std::uint16_t value = k < p.k ? jit::to_bf16(p.a_f32[m * p.k + k]) : std::uint16_t{0};
      std::memcpy(a + jit::bf16_tile_offset(m, k, p.k), &value, sizeof value);
    }
  }
  args_.a = a;
}

void GemmArena::place_b() {
  const GemmProblem& p = *problem_;
  if (p.spec.operands == Operands::f32) {
    auto* b = b_.place<float>(jit::packed_f32_count(p.n, p.k), placement_.edge, 0);
    jit::pack_f32(p.b_f32.data(), 0, p.n, p.k, b);
    args_.b = b;
    return;
  }
  if (p.spec.operands == Operands::bf16) {
    const std::size_t numbers = jit::packed_bf16_bytes(p.n, p.k) / jit::bf16_bytes;
    auto* b = b_.place<std::uint16_t>(numbers, placement_.edge, 0);
    jit::pack_bf16(p.b_f32.data(), 0, p.n, p.k, b);
    args_.b = b;
    return;
  }
  auto* b = b_.place<std::int8_t>(jit::packed_s8_bytes(p.n, p.k), placement_.edge, 0);
  b_rows_.resize(p.b_int.size());
  std::transform(p.b_int.begin(), p.b_int.end(), b_rows_.begin(),
                 [](std::int16_t value) { return static_cast<std::int8_t>(value); });
  column_sums_.resize(p.n);
  jit::pack_s8(b_rows_.data(), 0, p.n, p.k, b, column_sums_.data());
  args_.b = b;
}

void GemmArena::place_vectors() {
  const GemmProblem& p = *problem_;
  const std::size_t padded_n = jit::padded_columns(p.n);
  const Edge edge = placement_.edge;
  if (p.spec.operands == Operands::u8s8)
    args_.compensation = place_vector(compensation_, p.compensation, padded_n, edge);
  if (p.spec.row_scale) args_.row_scale = place_vector(row_scale_, p.row_scale, p.m, edge);
  if (p.spec.column_scale)
    args_.column_scale = place_vector(column_scale_, p.column_scale, padded_n, edge);
  if (p.spec.bias) args_.bias = place_vector(bias_, p.bias, padded_n, edge);
  if (p.spec.output != Output::u8_tiles) return;
  args_.output_multiplier = place_vector(output_multiplier_, p.output_multiplier, padded_n, edge);
  args_.output_offset = place_vector(output_offset_, p.output_offset, padded_n, edge);
}

void GemmArena::place_c() {
  const GemmProblem& p = *problem_;
  if (p.spec.output != Output::f32) {
    args_.ldc = p.n + placement_.extra_c_columns;
    c_rows_ = jit::round_up(p.m, jit::tile_rows);
    c_count_ = jit::tiles_bytes(p.m, args_.ldc * c_element_bytes());
    args_.c = c_.place<std::uint8_t>(c_count_, placement_.edge);
  } else {
    args_.ldc = jit::padded_columns(p.n) + placement_.extra_columns;
    // Behind the last row is either the forbidden page or a row that must stay as it is.
    c_rows_ = placement_.edge == Edge::end ? p.m : p.m + spare_rows;
    c_count_ = strided_count(c_rows_, args_.ldc, p.n);
    args_.c = c_.place<float>(c_count_, placement_.edge);
  }
  if (!p.spec.residual) return;
  if (placement_.residual_is_c && p.spec.output == Output::f32) {
    args_.residual = static_cast<const float*>(args_.c);
    args_.residual_ld = args_.ldc;
    return;
  }
  args_.residual_ld = jit::padded_columns(p.n) + placement_.extra_columns;
  auto* residual = residual_.place<float>(strided_count(p.m, args_.residual_ld, p.n),
                                          placement_.edge, nan_bytes);
  for (std::size_t m = 0; m < p.m; ++m)
    std::copy_n(&p.residual[m * p.n], p.n, residual + m * args_.residual_ld);
  args_.residual = residual;
}

void GemmArena::clear_c() {
  const GemmProblem& p = *problem_;
  if (p.spec.output != Output::f32) {
    std::memset(args_.c, garbage_bytes, c_count_);
    return;
  }
  std::memset(args_.c, nan_bytes, c_count_ * sizeof(float));
  if (args_.residual != args_.c) return;
  for (std::size_t m = 0; m < p.m; ++m)
    std::copy_n(&p.residual[m * p.n], p.n, static_cast<float*>(args_.c) + m * args_.ldc);
}

void GemmArena::run(const jit::Kernels& kernels) {
  const jit::ThreadScope scope(kernels.isa());
  kernels.gemm(problem_->spec).run(args_, {0, args_.m}, {0, args_.n});
}

std::size_t GemmArena::c_index(std::size_t row, std::size_t column) const {
  if (problem_->spec.output == Output::f32) return row * args_.ldc + column;
  return jit::tile_offset(row, column * c_element_bytes(), args_.ldc * c_element_bytes());
}

std::size_t GemmArena::c_element_bytes() const {
  return problem_->spec.output == Output::bf16_tiles ? jit::bf16_bytes : 1;
}

Elements GemmArena::elements() const {
  const GemmProblem& p = *problem_;
  Elements elements(p.m * p.n);
  for (std::size_t m = 0; m < p.m; ++m) {
    if (p.spec.output == Output::f32) {
      std::memcpy(&elements[m * p.n], static_cast<const float*>(args_.c) + c_index(m, 0),
                  p.n * sizeof(float));
      continue;
    }
    for (std::size_t n = 0; n < p.n; ++n) {
      const auto* at = static_cast<const std::uint8_t*>(args_.c) + c_index(m, n);
      elements[m * p.n + n] = p.spec.output == Output::u8_tiles
                                  ? *at
                                  : jit::from_bf16(static_cast<std::uint16_t>(at[0] | at[1] << 8U));
    }
  }
  return elements;
}

std::string GemmArena::damage() const {
  const GemmProblem& p = *problem_;
  const bool f32 = p.spec.output == Output::f32;
  const std::size_t written = jit::padded_columns(p.n);
  const std::size_t bytes = c_element_bytes();
  const std::size_t columns = f32 ? args_.ldc : jit::padded_depth(args_.ldc * bytes) / bytes;
  for (std::size_t row = 0; row < c_rows_; ++row) {
    for (std::size_t column = row < p.m ? written : 0; column < columns; ++column) {
      const std::size_t index = c_index(row, column);
      if (index >= c_count_) continue;
      const bool intact =
          f32 ? std::bit_cast<std::uint32_t>(static_cast<const float*>(args_.c)[index]) ==
                    0xFFFFFFFFU
              : std::all_of(static_cast<const std::uint8_t*>(args_.c) + index,
                            static_cast<const std::uint8_t*>(args_.c) + index + bytes,
                            [](std::uint8_t byte) { return byte == garbage_bytes; });
      if (!intact)
        return "C was written outside its elements, at row " + std::to_string(row) + " column " +
               std::to_string(column);
    }
  }
  return {};
}

std::string difference(const GemmProblem& problem, const Elements& actual,
                       const Elements& expected) {
  if (actual.size() == expected.size() &&
      std::memcmp(actual.data(), expected.data(), actual.size() * sizeof(float)) == 0)
    return {};
  std::size_t count = 0;
  std::string first;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const bool same =
        std::bit_cast<std::uint32_t>(actual[i]) == std::bit_cast<std::uint32_t>(expected[i]) ||
        (std::isnan(actual[i]) && std::isnan(expected[i]));
    if (!same && count++ == 0) {
      first = "row " + std::to_string(i / problem.n) + " column " + std::to_string(i % problem.n) +
              ": " + std::to_string(actual[i]) + " instead of " + std::to_string(expected[i]);
    }
  }
  if (count == 0) return {};
  return std::to_string(count) + " of " + std::to_string(expected.size()) + " differ, first at " +
         first;
}

}  // namespace bertq::testing
