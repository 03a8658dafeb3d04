// The matrix products of BERT-base on one thread, on every path that this machine has: operations
// a second, multiplications and additions counted apart, and their share of what the unit that
// multiplies can do at most, measured just before. Rows lie as the engine lays them.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <string>

#include "aligned.h"
#include "engine/model/rows.h"
#include "jit/bf16.h"
#include "jit/gemm.h"
#include "jit/kernels.h"
#include "jit/layout.h"
#include "jit/peak.h"

namespace bertq::jit {
namespace {

struct Shape {
  const char* name;
  std::size_t n, k;
  Activation activation;
};
constexpr Shape shapes[] = {{"query", 768, 768, Activation::none},
                            {"intermediate", 3072, 768, Activation::none},
                            {"intermediate+gelu", 3072, 768, Activation::gelu_erf},
                            {"output", 768, 3072, Activation::none}};
constexpr std::size_t token_counts[] = {16, 128, 384, 1024};
constexpr std::size_t most_reference_tokens = 16;  // of plain C++: a second each, otherwise

struct Kind {
  Operands operands;
  const char* name;
};
constexpr Kind kinds[] = {
    {Operands::f32, "f32"}, {Operands::u8s8, "u8s8"}, {Operands::bf16, "bf16"}};

// The operands of all kinds of product, and the result.
struct Memory {
  Memory(const Shape& shape, std::size_t m)
      : activations(m * engine::leading_dimension(shape.k)),
        weights(packed_f32_count(shape.n, shape.k)),
        tiles(tiles_bytes(m, shape.k)),
        packed(packed_s8_bytes(shape.n, shape.k)),
        bf16_tiles(bf16_tiles_bytes(m, shape.k) / bf16_bytes),
        bf16_packed(packed_bf16_bytes(shape.n, shape.k) / bf16_bytes),
        compensation(padded_columns(shape.n)),
        row_scale(m),
        column_scale(padded_columns(shape.n)),
        bias(padded_columns(shape.n)),
        c(m * engine::leading_dimension(shape.n)) {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> real(-1.0F, 1.0F);
    std::uniform_int_distribution<int> byte(0, 255);
    activations.fill([&] { return real(random); });
    weights.fill([&] { return real(random); });
    tiles.fill([&] { return byte(random); });
    packed.fill([&] { return byte(random) - 128; });
    bf16_tiles.fill([&] { return to_bf16(real(random)); });
    bf16_packed.fill([&] { return to_bf16(real(random)); });
    compensation.fill([] { return 0; });
    row_scale.fill([] { return 0.01F; });
    column_scale.fill([] { return 0.01F; });
    bias.fill([&] { return real(random); });
    c.fill([] { return 0.0F; });
  }

  Aligned<float> activations, weights;
  Aligned<std::uint8_t> tiles;
  Aligned<std::int8_t> packed;
  Aligned<std::uint16_t> bf16_tiles, bf16_packed;
  Aligned<std::int32_t> compensation;
  Aligned<float> row_scale, column_scale, bias, c;
};

void set_operands(GemmSpec& spec, GemmArgs& args, Memory& data) {
  switch (spec.operands) {
    case Operands::f32:
      args.a = data.activations.data();
      args.lda = engine::leading_dimension(args.k);
      args.b = data.weights.data();
      return;
    case Operands::bf16:
      args.a = data.bf16_tiles.data();
      args.b = data.bf16_packed.data();
      return;
    case Operands::u8s8:
      spec.row_scale = spec.column_scale = true;
      args.a = data.tiles.data();
      args.b = data.packed.data();
      args.compensation = data.compensation.data();
      args.row_scale = data.row_scale.data();
      args.column_scale = data.column_scale.data();
  }
}

void run_product(benchmark::State& state, Isa isa, Operands operands, const Shape& shape,
                 std::size_t m) {
  Memory data(shape, m);
  GemmSpec spec;
  spec.operands = operands;
  spec.bias = true;
  spec.activation = shape.activation;
  GemmArgs args;
  args.m = m;
  args.n = shape.n;
  args.k = shape.k;
  args.bias = data.bias.data();
  args.c = data.c.data();
  args.ldc = engine::leading_dimension(shape.n);
  set_operands(spec, args, data);
  const Gemm& gemm = Kernels::of(isa).gemm(spec);
  const double peak = measure_peak(unit_of(isa, operands));
  const ThreadScope scope(isa);
  for (auto _ : state) {
    gemm.run(args, {0, m}, {0, shape.n});
    benchmark::ClobberMemory();
  }
  const double operations = 2.0 * static_cast<double>(m * shape.n * shape.k);
  constexpr auto rate = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["op/s"] = benchmark::Counter(operations, rate);
  state.counters["of peak"] = benchmark::Counter(operations / peak, rate);
}

void register_all() {
  for (const Isa isa : all_isas()) {
    if (!available(isa) || !available(unit_of(isa, Operands::f32))) continue;
    for (const Kind& kind : kinds) {
      for (const Shape& shape : shapes) {
        for (const std::size_t m : token_counts) {
          if (isa == Isa::reference && m > most_reference_tokens) continue;
          const std::string name = std::string(isa_name(isa)) + "/" + kind.name + "/" + shape.name +
                                   "/" + std::to_string(m);
          benchmark::RegisterBenchmark(name.c_str(), [=, &shape](benchmark::State& state) {
            run_product(state, isa, kind.operands, shape, m);
          });
        }
      }
    }
  }
}

}  // namespace
}  // namespace bertq::jit

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  bertq::jit::register_all();
  benchmark::RunSpecifiedBenchmarks();
}
