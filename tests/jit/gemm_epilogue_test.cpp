// Every epilogue: the reference against double precision, every other path against the reference.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "gemm_arena.h"
#include "gemm_comparison.h"
#include "jit/bf16.h"
#include "paths.h"
#include "support/random.h"

namespace bertq::testing {
namespace {

using jit::Activation;
using jit::GemmSpec;
using jit::Operands;
using jit::Output;

// All 720 products that a GemmSpec can name.
std::vector<GemmSpec> all_specs() {
  std::vector<GemmSpec> specs;
  for (const Operands operands : {Operands::f32, Operands::u8s8, Operands::bf16})
    for (const Activation activation : {Activation::none, Activation::relu, Activation::gelu_erf,
                                        Activation::gelu_tanh, Activation::tanh})
      for (const Output output : {Output::f32, Output::u8_tiles, Output::bf16_tiles})
        for (unsigned flags = 0; flags < 16; ++flags)
          specs.push_back({.operands = operands,
                           .row_scale = (flags & 1U) != 0,
                           .column_scale = (flags & 2U) != 0,
                           .bias = (flags & 4U) != 0,
                           .activation = activation,
                           .residual = (flags & 8U) != 0,
                           .output = output});
  return specs;
}

bool may_be_fast(jit::Isa isa) {
  return isa == jit::Isa::avx512_vnni || isa == jit::Isa::amx;
}

struct Shape {
  std::size_t m, n, k;
};
constexpr std::array<Shape, 5> shapes = {
    {{1, 1, 1}, {16, 16, 64}, {17, 33, 65}, {5, 50, 130}, {37, 96, 70}}};

GemmProblem random_problem(const GemmSpec& spec, const Shape& shape, Random& random) {
  GemmProblem p;
  p.spec = spec;
  p.m = shape.m;
  p.n = shape.n;
  p.k = shape.k;
  const auto fill = [&](std::vector<float>& values, std::size_t count, auto value) {
    values.resize(count);
    std::generate(values.begin(), values.end(), value);
  };
  const bool integers = spec.operands == Operands::u8s8;
  if (integers) {
    p.a_int.resize(p.m * p.k);
    p.b_int.resize(p.n * p.k);
    for (auto& a : p.a_int) a = static_cast<std::int16_t>(random.below(256));
    for (auto& b : p.b_int) b = static_cast<std::int16_t>(random.below(256)) - 128;
    for (std::size_t n = 0; n < p.n; ++n) {
      std::int32_t sum = 0;
      for (std::size_t k = 0; k < p.k; ++k) sum += p.b_int[n * p.k + k];
      p.compensation.push_back(128 * sum);
    }
  } else {
    const auto value = [&] {
      return spec.operands == Operands::bf16 ? jit::from_bf16(jit::to_bf16(random.bell()))
                                             : random.bell();
    };
    fill(p.a_f32, p.m * p.k, value);
    fill(p.b_f32, p.n * p.k, value);
  }
  // Integer sums are in the ten thousands: scaled to where activations bend, if there is a scale.
  const float unit = integers ? 0.004F : 0.5F;
  fill(p.row_scale, p.m, [&] { return unit * random.uniform(0.5F, 1.5F); });
  fill(p.column_scale, p.n, [&] { return unit * random.uniform(-1.5F, 1.5F); });
  fill(p.bias, p.n, [&] { return 3.0F * random.bell(); });
  fill(p.residual, p.m * p.n, [&] { return 5.0F * random.bell(); });
  return p;
}

double activate(Activation activation, double x) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return std::max(0.0, x);
    case Activation::gelu_erf:
      return 0.5 * x * std::erfc(-x / std::numbers::sqrt2);
    case Activation::gelu_tanh: {
      const double u = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
      return x / (1.0 + std::exp(-2.0 * u));
    }
    case Activation::tanh:
      return std::tanh(x);
  }
  return x;
}

struct Exact {
  double value;      // before it becomes u8
  double tolerance;  // what rounding on the way may have changed
};

Exact exact_element(const GemmProblem& p, std::size_t m, std::size_t n) {
  double v = 0.0;
  double magnitude = 0.0;  // of all that was added up
  for (std::size_t k = 0; k < p.k; ++k) {
    const bool integers = p.spec.operands == Operands::u8s8;
    const double product =
        integers
            ? static_cast<double>(p.a_int[m * p.k + k]) * static_cast<double>(p.b_int[n * p.k + k])
            : static_cast<double>(p.a_f32[m * p.k + k]) * static_cast<double>(p.b_f32[n * p.k + k]);
    v += product;
    if (!integers) magnitude += std::abs(product) * static_cast<double>(p.k);
  }
  if (p.spec.operands == Operands::u8s8) v -= p.compensation[n];
  magnitude += std::abs(v);
  if (p.spec.row_scale) v *= static_cast<double>(p.row_scale[m]);
  if (p.spec.row_scale) magnitude *= std::abs(static_cast<double>(p.row_scale[m]));
  if (p.spec.column_scale) v *= static_cast<double>(p.column_scale[n]);
  if (p.spec.column_scale) magnitude *= std::abs(static_cast<double>(p.column_scale[n]));
  if (p.spec.bias) v += static_cast<double>(p.bias[n]);
  magnitude += std::abs(v);
  double tolerance = 3.0 * 0x1p-24 * magnitude;
  v = activate(p.spec.activation, v);
  // No activation is steeper than 1.13.
  tolerance = 1.13 * tolerance + 2e-7 + 8.0 * 0x1p-24 * std::abs(v);
  if (p.spec.residual) v += static_cast<double>(p.residual[m * p.n + n]);
  return {v, tolerance + 0x1p-24 * std::abs(v)};
}

// The worst distance of an element from its exact value, in units of what is allowed.
double worst_of_allowed(const GemmProblem& p, const Elements& c) {
  double worst = 0.0;
  for (std::size_t i = 0; i < c.size(); ++i) {
    Exact exact = exact_element(p, i / p.n, i % p.n);
    if (p.spec.output == Output::u8_tiles) {
      const auto scale = static_cast<double>(p.output_multiplier[i % p.n]);
      const auto offset = static_cast<double>(p.output_offset[i % p.n]);
      exact.value = std::clamp(exact.value * scale + offset, 0.0, 255.0);
      exact.tolerance = 0.5 + scale * exact.tolerance + 1e-4;
    }
    if (p.spec.output == Output::bf16_tiles) {
      exact.tolerance += 0x1p-8 * (std::abs(exact.value) + exact.tolerance);
    }
    const double error = std::abs(static_cast<double>(c[i]) - exact.value);
    worst = std::isnan(error) ? INFINITY : std::max(worst, error / exact.tolerance);
  }
  return worst;
}

struct Requantise {
  float multiplier, offset;
};
// An ordinary one, one that saturates at both ends, zero points at the ends and outside.
constexpr std::array<Requantise, 6> requantise = {
    {{20.0F, 128}, {1e6F, 100}, {3.0F, 0}, {3.0F, 255}, {30.0F, -200}, {50.0F, 1023}}};

// Another range for each column, beginning with the `first` of the list.
void requantise_columns(GemmProblem& p, std::size_t first) {
  for (std::size_t n = 0; n < p.n; ++n) {
    const Requantise& range = requantise[(first + n) % requantise.size()];
    p.output_multiplier.push_back(range.multiplier);
    p.output_offset.push_back(range.offset);
  }
}

}  // namespace

TEST_CASE("every epilogue is right in `reference`, and the same bits everywhere") {
  const Paths paths;
  Random random(40);
  GemmArena arena(37, 96, 130);
  GemmComparison comparison;
  const std::vector<GemmSpec> specs = all_specs();
  CHECK(specs.size() == 720);
  for (std::size_t s = 0; s < specs.size(); ++s) {
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      GemmProblem p = random_problem(specs[s], shapes[i], random);
      requantise_columns(p, s + i);
      arena.place(p, {.edge = (s / 16 + i) % 2 == 0 ? Edge::end : Edge::start,
                      .extra_columns = i % 2 * 16,
                      .residual_is_c = i % 2 == 0,
                      .extra_c_columns = i % 3 * 16});
      arena.run(jit::Kernels::of(jit::Isa::reference));
      const Elements expected = arena.elements();
      const double worst = worst_of_allowed(p, expected);
      CHECK_MESSAGE(worst <= 1.0, specs[s].name(), " shape ", i, ": error ", worst,
                    " times what is allowed");
      CHECK_MESSAGE(arena.damage().empty(), specs[s].name(), " shape ", i, ": ", arena.damage());
      for (const Path& path : paths.generated()) {
        if (specs[s].operands != Operands::bf16 || !jit::has_fast_bf16(path.isa)) {
          comparison.run(arena, p, expected, specs[s].name(), {path});
          continue;
        }
        // Sums in an order of their own.
        arena.clear_c();
        arena.run(jit::Kernels::of(path.isa));
        CHECK_MESSAGE(worst_of_allowed(p, arena.elements()) <= 1.0, specs[s].name(), " on ",
                      name_of(path));
        CHECK_MESSAGE(arena.damage().empty(), specs[s].name(), " shape ", i, ": ", arena.damage());
      }
      const WithoutFastBf16 widened;
      for (const Path& path : paths.generated()) {
        const bool concerned =
            specs[s].operands == Operands::bf16 || specs[s].output == Output::bf16_tiles;
        if (concerned && may_be_fast(path.isa)) {
          comparison.run(arena, p, expected, specs[s].name() + " widened", {path});
        }
      }
    }
  }
  comparison.report("all epilogues", paths.generated());
}

TEST_CASE("a product says which kernel it is") {
  CHECK(GemmSpec{}.name() == "f32.f32");
  CHECK(GemmSpec{.operands = Operands::u8s8,
                 .row_scale = true,
                 .column_scale = true,
                 .bias = true,
                 .activation = Activation::gelu_erf}
            .name() == "u8s8.rs.cs.bias.gelu_erf.f32");
  const Paths paths;
  for (const Path& path : paths.all()) {
    const jit::Kernels& kernels = jit::Kernels::of(path.isa);
    CHECK(kernels.isa() == path.isa);
    for (const GemmSpec& spec : all_specs()) {
      const std::string expected = std::string(jit::isa_name(path.isa)) + ".gemm." + spec.name();
      REQUIRE(kernels.gemm(spec).name() == expected);
    }
  }
}

TEST_CASE("saturation, ties and large values in u8 outputs") {
  // k = 1 and a weight of 1: the accumulator is the activation itself, a known multiple of 1/2.
  const Paths paths;
  struct Case {
    float value, inverse_scale;
    std::int32_t zero_point;
    float expected;
  };
  const std::vector<Case> cases = {
      {0.5F, 1.0F, 128, 128},    {1.5F, 1.0F, 128, 130},       {-0.5F, 1.0F, 128, 128},
      {-1.5F, 1.0F, 128, 126},   {2.5F, 1.0F, 0, 2},           {254.5F, 1.0F, 0, 254},
      {255.5F, 1.0F, 0, 255},    {127.4F, 1.0F, 128, 255},     {-128.4F, 1.0F, 128, 0},
      {1e9F, 1.0F, 0, 255},      {-1e9F, 1.0F, 255, 0},        {3e38F, 1e30F, 128, 255},
      {-3e38F, 1e30F, 128, 0},   {4e9F, 1.0F, 128, 255},       {-4e9F, 1.0F, 128, 0},
      {1e-40F, 1e38F, 128, 128}, {-0.0F, 1.0F, 7, 7},          {INFINITY, 1.0F, 9, 255},
      {-INFINITY, 1.0F, 9, 0},   {2147483648.0F, 1.0F, 1, 255}};
  GemmArena arena(1, 1, 1);
  for (const Path& path : paths.all()) {
    for (const Case& c : cases) {
      CAPTURE(name_of(path));
      CAPTURE(c.value);
      GemmProblem p;
      p.spec.output = Output::u8_tiles;
      p.m = p.n = p.k = 1;
      p.a_f32 = {c.value};
      p.b_f32 = {1.0F};
      p.output_multiplier = {c.inverse_scale};
      p.output_offset = {static_cast<float>(c.zero_point)};
      arena.place(p, {});
      arena.run(jit::Kernels::of(path.isa));
      CHECK(arena.elements()[0] == c.expected);
    }
  }
}

}  // namespace bertq::testing
