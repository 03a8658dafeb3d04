// The row-wise kernels of BERT-base on one thread, on every path that this machine has: elements a
// second, and their share of the bandwidth of a pass over as much memory that loads and stores and
// computes nothing, measured just before. Kernels that stay far below it compute more than they
// fetch.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <random>
#include <string>

#include "aligned.h"
#include "jit/kernels.h"
#include "jit/layout.h"
#include "jit/peak.h"

namespace bertq::jit {
namespace {

constexpr std::size_t hidden = 768, intermediate = 3072, head = 64, vocabulary = 4096;

// Rows of numbers around zero, and room for whatever a kernel makes of them.
struct Memory {
  Memory(std::size_t row_count, std::size_t column_count)
      : rows(row_count),
        columns(column_count),
        ld(padded_columns(column_count)),
        x(row_count * padded_columns(column_count)),
        tiles(tiles_bytes(row_count, padded_depth(column_count))),
        packed(padded_depth(row_count) * padded_depth(column_count)),
        per_row(padded_columns(row_count)),
        per_column(padded_columns(column_count)),
        sums(padded_columns(row_count)),
        ids(row_count),
        table(vocabulary * padded_columns(column_count)) {
    std::mt19937 random(1);
    std::normal_distribution<float> real;
    std::uniform_int_distribution<std::int32_t> id(0, vocabulary - 1);
    x.fill([&] { return real(random); });
    table.fill([&] { return real(random); });
    ids.fill([&] { return id(random); });
    per_row.fill([] { return 1.0F; });
    per_column.fill([] { return 1.0F; });
  }

  std::size_t rows, columns, ld;
  Aligned<float> x;
  Aligned<std::uint8_t> tiles;
  Aligned<std::int8_t> packed;
  Aligned<float> per_row, per_column;
  Aligned<std::int32_t> sums, ids;
  Aligned<float> table;
};

void layer_norm(const RowKernels& kernels, Memory& data) {
  LayerNormArgs args;
  args.x = data.x.data();
  args.ld = data.ld;
  args.rows = data.rows;
  args.columns = data.columns;
  args.gamma = args.beta = data.per_column.data();
  args.epsilon = 1e-12F;
  args.reciprocal_deviation = data.per_row.data();
  kernels.layer_norm(&args);
}

QuantizeArgs quantize_args(Memory& data) {
  QuantizeArgs args;
  args.x = data.x.data();
  args.ld = data.ld;
  args.rows = data.rows;
  args.columns = data.columns;
  args.tiles = data.tiles.data();
  return args;
}

void quantize_dynamic(const RowKernels& kernels, Memory& data) {
  QuantizeArgs args = quantize_args(data);
  args.scale = data.per_row.data();
  kernels.quantize_dynamic(&args);
}

void quantize_columns(const RowKernels& kernels, Memory& data) {
  QuantizeArgs args = quantize_args(data);
  args.zero_point = 0;
  args.multiplier = args.offset = data.per_column.data();
  kernels.quantize_columns(&args);
}

SoftmaxArgs softmax_args(Memory& data) {
  SoftmaxArgs args;
  args.scores = data.x.data();
  args.ld = data.ld;
  args.rows = data.rows;
  args.columns = data.columns;
  args.tiles = data.tiles.data();
  args.reciprocal_sum = data.per_row.data();
  return args;
}

void softmax_u8(const RowKernels& kernels, Memory& data) {
  const SoftmaxArgs args = softmax_args(data);
  kernels.softmax_u8(&args);
}

// In place: its own result, between 0 and 1, is as good an input.
void softmax_f32(const RowKernels& kernels, Memory& data) {
  const SoftmaxArgs args = softmax_args(data);
  kernels.softmax_f32(&args);
}

void pack_keys(const RowKernels& kernels, Memory& data) {
  PackKeysArgs args;
  args.x = data.x.data();
  args.ld = data.ld;
  args.rows = data.rows;
  args.columns = data.columns;
  args.packed = data.packed.data();
  args.scale = data.per_row.data();
  args.sum = data.sums.data();
  kernels.pack_keys(&args);
}

void pack_values(const RowKernels& kernels, Memory& data) {
  PackValuesArgs args;
  args.x = data.x.data();
  args.ld = data.ld;
  args.rows = data.rows;
  args.columns = data.columns;
  args.packed = data.packed.data();
  args.scale = data.per_column.data();
  kernels.pack_values(&args);
}

EmbeddingArgs embedding_args(Memory& data) {
  EmbeddingArgs args;
  args.ids = data.ids.data();
  args.segments = args.positions = data.ids.data();
  args.rows = data.rows;
  args.columns = data.columns;
  args.type = args.position = data.table.data();
  args.word = data.table.data();
  args.table_ld = data.ld;
  args.out = data.x.data();
  args.ld = data.ld;
  return args;
}

void embed_f32(const RowKernels& kernels, Memory& data) {
  const EmbeddingArgs args = embedding_args(data);
  kernels.embed_f32(&args);
}

struct Case {
  const char* name;
  std::size_t rows, columns;
  double read, written;  // bytes an element
  void (*run)(const RowKernels&, Memory&);
};
// The shapes in which the engine calls them: panels of 16 rows behind a LayerNorm, 64 queries of a
// head against 128 and 384 keys, the keys and values of a head.
constexpr Case cases[] = {
    {"layer_norm", 16, hidden, 4, 4, layer_norm},
    {"quantize_dynamic", 16, hidden, 4, 1, quantize_dynamic},
    {"quantize_dynamic", 16, intermediate, 4, 1, quantize_dynamic},
    {"quantize_columns", 16, hidden, 4, 1, quantize_columns},
    {"softmax_u8", 64, 128, 4, 1, softmax_u8},
    {"softmax_u8", 32, 384, 4, 1, softmax_u8},
    {"softmax_f32", 64, 128, 4, 4, softmax_f32},
    {"softmax_f32", 32, 384, 4, 4, softmax_f32},
    {"pack_keys", 128, head, 4, 1, pack_keys},
    {"pack_values", 128, head, 4, 1, pack_values},
    {"embed_f32", 128, hidden, 12, 4, embed_f32},
};

void run_rows(benchmark::State& state, Isa isa, const Case& test) {
  Memory data(test.rows, test.columns);
  const auto elements = static_cast<double>(test.rows * test.columns);
  const double bytes = elements * (test.read + test.written);
  const double bandwidth =
      measure_bandwidth(isa, Traffic::update, static_cast<std::size_t>(elements * test.read));
  const RowKernels& kernels = Kernels::of(isa).rows();
  const ThreadScope scope(isa);
  for (auto _ : state) {
    test.run(kernels, data);
    benchmark::ClobberMemory();
  }
  constexpr auto rate = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["elements/s"] = benchmark::Counter(elements, rate);
  state.counters["bytes/s"] = benchmark::Counter(bytes, rate);
  state.counters["of bandwidth"] = benchmark::Counter(bytes / bandwidth, rate);
}

void register_all() {
  for (const Isa isa : all_isas()) {
    if (!available(isa) || !available(Isa::avx2)) continue;
    for (const Case& test : cases) {
      const std::string name = std::string(isa_name(isa)) + "/" + test.name + "/" +
                               std::to_string(test.rows) + "x" + std::to_string(test.columns);
      benchmark::RegisterBenchmark(
          name.c_str(), [=, &test](benchmark::State& state) { run_rows(state, isa, test); });
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
