// The matrix products of BERT-base on one thread, on every path that this machine has: operations
// a second, multiplications and additions counted apart.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "jit/gemm.h"
#include "jit/kernels.h"
#include "jit/layout.h"
#include "jit/pack.h"

namespace bertq::jit {
namespace {

struct Shape {
  const char* name;
  std::size_t n, k;
  Activation activation;
};
constexpr Shape shapes[] = {{"query", 768, 768, Activation::none},
                            {"intermediate", 3072, 768, Activation::gelu_erf},
                            {"output", 768, 3072, Activation::none}};
constexpr std::size_t token_counts[] = {16, 128, 384};

// Memory that starts at a cache line, as the engine's does.
template <typename Element>
class Aligned {
 public:
  explicit Aligned(std::size_t count) : storage_(count * sizeof(Element) + line), count_(count) {}
  Element* data() {
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
    return reinterpret_cast<Element*>(round_up(address, line));
  }
  template <typename Value>
  void fill(Value&& value) {
    for (std::size_t i = 0; i < count_; ++i) data()[i] = static_cast<Element>(value());
  }

 private:
  static constexpr std::size_t line = 64;
  std::vector<unsigned char> storage_;
  std::size_t count_;
};

// The operands of both kinds of product, and the result.
struct Memory {
  Memory(const Shape& shape, std::size_t m)
      : activations(m * shape.k),
        weights(packed_f32_count(shape.n, shape.k)),
        tiles(tiles_bytes(m, shape.k)),
        packed(packed_s8_bytes(shape.n, shape.k)),
        compensation(padded_columns(shape.n)),
        row_scale(m),
        column_scale(padded_columns(shape.n)),
        bias(padded_columns(shape.n)),
        c(m * padded_columns(shape.n)) {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> real(-1.0F, 1.0F);
    std::uniform_int_distribution<int> byte(0, 255);
    activations.fill([&] { return real(random); });
    weights.fill([&] { return real(random); });
    tiles.fill([&] { return byte(random); });
    packed.fill([&] { return byte(random) - 128; });
    compensation.fill([] { return 0; });
    row_scale.fill([] { return 0.01F; });
    column_scale.fill([] { return 0.01F; });
    bias.fill([&] { return real(random); });
    c.fill([] { return 0.0F; });
  }

  Aligned<float> activations, weights;
  Aligned<std::uint8_t> tiles;
  Aligned<std::int8_t> packed;
  Aligned<std::int32_t> compensation;
  Aligned<float> row_scale, column_scale, bias, c;
};

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
  args.ldc = padded_columns(shape.n);
  if (operands == Operands::f32) {
    args.a = data.activations.data();
    args.lda = shape.k;
    args.b = data.weights.data();
  } else {
    spec.row_scale = spec.column_scale = true;
    args.a = data.tiles.data();
    args.b = data.packed.data();
    args.compensation = data.compensation.data();
    args.row_scale = data.row_scale.data();
    args.column_scale = data.column_scale.data();
  }
  const Gemm& gemm = Kernels::of(isa).gemm(spec);
  const ThreadScope scope(isa);
  for (auto _ : state) {
    gemm.run(args, {0, m}, {0, shape.n});
    benchmark::ClobberMemory();
  }
  const double operations = 2.0 * static_cast<double>(m * shape.n * shape.k);
  state.counters["op/s"] =
      benchmark::Counter(operations, benchmark::Counter::kIsIterationInvariantRate);
}

void register_all() {
  for (const Isa isa : all_isas()) {
    if (!available(isa)) continue;
    for (const Operands operands : {Operands::f32, Operands::u8s8}) {
      for (const Shape& shape : shapes) {
        for (const std::size_t m : token_counts) {
          const std::string name = std::string(isa_name(isa)) +
                                   (operands == Operands::f32 ? "/f32/" : "/u8s8/") + shape.name +
                                   "/" + std::to_string(m);
          benchmark::RegisterBenchmark(name.c_str(), [=, &shape](benchmark::State& state) {
            run_product(state, isa, operands, shape, m);
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
