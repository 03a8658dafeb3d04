// The plain C++ kernels give the same bits on every machine, with every compiler and C library:
// fingerprints of their results, taken once. Other tests hold the generated kernels to them.
//
// A change of the arithmetic changes fingerprints. That is allowed, knowingly: answers change in
// their last bits, so such a change belongs into its own commit.
#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "gemm_arena.h"
#include "paths.h"
#include "row_cases.h"

namespace bertq::testing {
namespace {

// FNV-1a over the bits of all numbers added.
class Fingerprint {
 public:
  void add(std::uint32_t bits) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
      state_ ^= bits >> shift & 0xFFU;
      state_ *= 0x100000001B3U;
    }
  }
  void add(const std::vector<float>& values) {
    for (const float value : values) add(std::bit_cast<std::uint32_t>(value));
  }
  void add(const std::vector<std::int32_t>& values) {
    for (const std::int32_t value : values) add(static_cast<std::uint32_t>(value));
  }
  void add(const QuantizedRows& rows) {
    add(rows.q);
    add(rows.scale);
    add(rows.sum);
  }
  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0xCBF29CE484222325U;
};

Rows some_rows(std::size_t columns) {
  Random random(columns);
  Rows x = random_rows(20, columns, 3.0F, random);
  const Rows corners = corner_rows(columns, random);
  x.values.insert(x.values.end(), corners.values.begin(), corners.values.end());
  x.rows += corners.rows;
  return x;
}

GemmProblem some_product(jit::Operands operands, jit::Activation activation) {
  Random random(static_cast<std::uint64_t>(activation));
  GemmProblem p;
  p.spec = {.operands = operands,
            .row_scale = operands == jit::Operands::u8s8,
            .column_scale = true,
            .bias = true,
            .activation = activation,
            .residual = true};
  p.m = 40;
  p.n = 70;
  p.k = 130;
  for (std::size_t i = 0; i < p.m * p.k; ++i) {
    p.a_int.push_back(static_cast<std::int16_t>(random.below(256)));
    p.a_f32.push_back(random.bell());
  }
  for (std::size_t i = 0; i < p.n * p.k; ++i) {
    p.b_int.push_back(static_cast<std::int16_t>(static_cast<int>(random.below(256)) - 128));
    p.b_f32.push_back(random.bell());
  }
  for (std::size_t m = 0; m < p.m; ++m) p.row_scale.push_back(random.uniform(0.001F, 0.01F));
  for (std::size_t n = 0; n < p.n; ++n) {
    p.compensation.push_back(static_cast<std::int32_t>(random.below(10'000)));
    p.column_scale.push_back(random.uniform(0.001F, 0.2F));
    p.bias.push_back(random.bell());
  }
  for (std::size_t i = 0; i < p.m * p.n; ++i) p.residual.push_back(random.bell());
  return p;
}

std::uint64_t fingerprint_of_product(jit::Operands operands, jit::Activation activation) {
  const GemmProblem p = some_product(operands, activation);
  GemmArena arena(p.m, p.n, p.k);
  arena.place(p, {});
  arena.run(jit::Kernels::of(jit::Isa::reference));
  Fingerprint fingerprint;
  fingerprint.add(arena.elements());
  return fingerprint.value();
}

constexpr jit::Isa reference = jit::Isa::reference;

void layer_norm(RowArena& arena, const Rows& x, Fingerprint& fingerprint) {
  LayerNormWeights weights;
  for (std::size_t i = 0; i < x.columns; ++i) {
    weights.gamma.push_back(1.0F + 0x1p-4F * static_cast<float>(i % 7));
    weights.beta.push_back(0x1p-3F * static_cast<float>(i % 5));
  }
  const NormalizedRows result = arena.layer_norm(reference, x, weights);
  fingerprint.add(result.y.values);
  fingerprint.add(result.reciprocal_deviation);
}
void softmax_f32(RowArena& arena, const Rows& x, Fingerprint& fingerprint) {
  const SoftmaxRows result = arena.softmax_f32(reference, x);
  fingerprint.add(result.p.values);
  fingerprint.add(result.reciprocal_sum);
}
void softmax_u8(RowArena& arena, const Rows& x, Fingerprint& fingerprint) {
  const SoftmaxRows result = arena.softmax_u8(reference, x);
  fingerprint.add(result.q);
  fingerprint.add(result.reciprocal_sum);
}
void quantize(RowArena& arena, const Rows& x, Fingerprint& fingerprint) {
  fingerprint.add(arena.quantize_dynamic(reference, x));
  fingerprint.add(arena.quantize_static(reference, x, 9.75F, 121));
}
void pack_attention(RowArena& arena, const Rows& x, Fingerprint& fingerprint) {
  fingerprint.add(arena.pack_keys(reference, x));
  fingerprint.add(arena.pack_values(reference, x));
}

}  // namespace

TEST_CASE("products of `reference` have the same bits on every machine") {
  struct Case {
    jit::Operands operands;
    jit::Activation activation;
    std::uint64_t expected;
  };
  using jit::Activation;
  using jit::Operands;
  const std::vector<Case> cases = {
      {Operands::f32, Activation::none, 0x1A28B13871E1C131},
      {Operands::f32, Activation::relu, 0x7DAB47AB231D2932},
      {Operands::f32, Activation::gelu_erf, 0xBB35E0060377E34F},
      {Operands::f32, Activation::gelu_tanh, 0xB7094EC79E708E39},
      {Operands::f32, Activation::tanh, 0x2337C92ADB9BB158},
      {Operands::u8s8, Activation::none, 0x0968B14E9800A513},
      {Operands::u8s8, Activation::gelu_erf, 0x956A43D4CC4782C9},
  };
  for (const Case& c : cases) {
    const std::uint64_t fingerprint = fingerprint_of_product(c.operands, c.activation);
    CHECK_MESSAGE(fingerprint == c.expected, some_product(c.operands, c.activation).spec.name());
  }
}

TEST_CASE("row kernels of `reference` have the same bits on every machine") {
  struct Case {
    std::string name;
    void (*run)(RowArena&, const Rows&, Fingerprint&);
    std::uint64_t expected;
  };
  const std::vector<Case> cases = {{"layer_norm", layer_norm, 0xC7B96D950CE3EB78},
                                   {"softmax_f32", softmax_f32, 0x02E07F056BF65D06},
                                   {"softmax_u8", softmax_u8, 0x2532AF941360E2A4},
                                   {"quantize", quantize, 0xCA7B5F6C75CB3DFE},
                                   {"pack_attention", pack_attention, 0x9A2DF2B4BBD8DE27}};
  RowArena arena(1U << 17U);
  for (const Case& c : cases) {
    Fingerprint fingerprint;
    for (const std::size_t columns : {17U, 26U, 64U, 384U, 768U})
      c.run(arena, some_rows(columns), fingerprint);
    CHECK_MESSAGE(fingerprint.value() == c.expected, c.name);
  }
}

}  // namespace bertq::testing
