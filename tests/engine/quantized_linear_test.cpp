// Single linear layers in other systems' arithmetic: against PyTorch's own operators, layer by
// layer and range by range, and for Q8BERT against the paper's formulas in int64.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/quantized/quantized_linear.h"
#include "engine/quantized/quantizing_source.h"
#include "engine/quantized/torch_range.h"
#include "jit/layout.h"
#include "jit/paths.h"
#include "quantized_golden.h"
#include "support/random.h"

namespace bertq::testing {
using namespace engine;
namespace {

// One layer "m": INT8 weights, or floats, and a bias.
class OneLayer final : public TensorSource {
 public:
  std::size_t outputs = 0, inputs = 0;
  std::vector<std::int8_t> weight;
  std::vector<double> scales;
  std::vector<float> float_weight, bias;

  bool has(std::string_view) const override { return true; }
  std::size_t rows(std::string_view) const override { return outputs; }
  void read(std::string_view name, std::uint64_t first, std::span<float> out) const override {
    const std::vector<float>& from = name == "m.bias" ? bias : float_weight;
    std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(first), out.size(), out.begin());
  }
  std::vector<double> integer_scales(std::string_view name, loaders::DType dtype) const override {
    return name == "m.weight" && dtype == loaders::DType::i8 ? scales : std::vector<double>();
  }
  void read_integers(std::string_view, std::uint64_t first,
                     std::span<std::int8_t> out) const override {
    std::copy_n(weight.begin() + static_cast<std::ptrdiff_t>(first), out.size(), out.begin());
  }
};

// Loads the layer and runs all rows as one group.
std::vector<float> run_layer(const TensorSource& source, const OneLayer& layer,
                             const LayerForm& form, const LayerRanges* ranges,
                             const std::vector<float>& x, jit::Isa isa,
                             const Epilogue& epilogue = {}) {
  const jit::ThreadScope scope(isa);
  Arena arena;
  WeightLoader loader(source, jit::Kernels::of(isa), arena);
  const QuantizedLinear linear(loader, "m", layer.outputs, layer.inputs, form, ranges, epilogue);
  const std::size_t rows = x.size() / layer.inputs;
  const auto allocate = [&](std::size_t columns) {
    const std::size_t ld = leading_dimension(columns);
    return FloatRows{arena.allocate<float>((rows + 1) * ld).data(), ld};
  };
  const FloatRows in = allocate(layer.inputs), out = allocate(layer.outputs);
  for (std::size_t row = 0; row < rows; ++row) {
    std::copy_n(x.data() + row * layer.inputs, layer.inputs, in.row(row));
  }
  const RowRange range = range_of_rows(in, rows, layer.inputs);
  const CodeRange codes =
      linear.scope() == RangeScope::given ? linear.given_range() : linear.range_of(range);
  const TileRows tiles{arena.allocate<std::uint8_t>(jit::tiles_bytes(rows, layer.inputs)).data(),
                       nullptr, layer.inputs};
  if (linear.scope() != RangeScope::none) linear.quantize(codes, in, tiles, rows);
  LinearScratch scratch;
  scratch.fit(jit::padded_columns(layer.outputs));
  linear.run({in, tiles}, codes, out, {}, rows, {0, layer.outputs}, scratch);
  if (linear.finishes_later()) {
    linear.finish(codes, range_of_rows(out, rows, layer.outputs), out, {}, rows, scratch);
  }
  std::vector<float> y;
  for (std::size_t row = 0; row < rows; ++row) {
    y.insert(y.end(), out.row(row), out.row(row) + layer.outputs);
  }
  return y;
}

// How many floats lie between the two.
std::int64_t ulps_between(float a, float b) {
  const auto ordered = [](float x) {
    const auto bits = std::bit_cast<std::int32_t>(x);
    return static_cast<std::int64_t>(bits < 0 ? std::int32_t{-0x7fffffff - 1} - bits : bits);
  };
  return std::abs(ordered(a) - ordered(b));
}

std::int64_t most_ulps(const std::vector<float>& got, const std::vector<float>& want) {
  REQUIRE(got.size() == want.size());
  std::int64_t most = 0;
  for (std::size_t i = 0; i < got.size(); ++i) most = std::max(most, ulps_between(got[i], want[i]));
  return most;
}

OneLayer layer_of(const QuantizedGolden& golden, const std::string& name) {
  OneLayer layer;
  layer.outputs = golden.shape(name + ".weight")[0];
  layer.inputs = golden.shape(name + ".weight")[1];
  layer.weight = golden.bytes(name + ".weight");
  layer.scales = golden.doubles(name + ".scales");
  layer.bias = golden.floats(name + ".bias");
  return layer;
}

OneLayer random_layer(std::size_t outputs, std::size_t inputs, Random& random) {
  OneLayer layer;
  layer.outputs = outputs;
  layer.inputs = inputs;
  for (std::size_t i = 0; i < outputs * inputs; ++i) {
    layer.float_weight.push_back(0.1F * random.bell());
  }
  for (std::size_t i = 0; i < outputs; ++i) layer.bias.push_back(0.3F * random.bell());
  return layer;
}

TEST_CASE("a dynamic layer gives PyTorch's int32 sums and, within 1 ulp, its results") {
  const QuantizedGolden golden("torch_linears");
  const Paths paths;
  std::size_t cases = 0;
  for (int number = 0; number < 3; ++number) {
    for (const bool reduced : {true, false}) {
      for (const bool per_channel : {false, true}) {
        const std::string name = "dynamic." + std::to_string(number) + (reduced ? ".1" : ".0") +
                                 (per_channel ? ".1" : ".0");
        CAPTURE(name);
        OneLayer layer = layer_of(golden, name);
        const LayerForm form{Arithmetic::torch_dynamic, false, reduced};
        for (const Path& path : paths.all()) {
          CAPTURE(name_of(path));
          const auto y =
              run_layer(layer, layer, form, nullptr, golden.floats(name + ".x"), path.isa);
          CHECK(most_ulps(y, golden.floats(name + ".y")) <= 1);
        }
        // An input of scale 2^-5, weights of scale 2^-3 and no bias: nothing is rounded.
        layer.scales = {0x1p-3};
        layer.bias.assign(layer.outputs, 0.0F);
        const std::vector<std::int32_t> sums = golden.integers(name + ".sums");
        for (const Path& path : paths.all()) {
          CAPTURE(name_of(path));
          const auto y =
              run_layer(layer, layer, form, nullptr, golden.floats(name + ".exact_x"), path.isa);
          std::size_t wrong = 0;
          for (std::size_t i = 0; i < sums.size(); ++i) {
            if (std::ldexp(static_cast<double>(y[i]), 8) != static_cast<double>(sums[i])) ++wrong;
          }
          CHECK(y.size() == sums.size());
          CHECK(wrong == 0);
        }
        ++cases;
      }
    }
  }
  CHECK(cases == 12);
}

TEST_CASE("a static layer gives PyTorch's 8 bits") {
  const QuantizedGolden golden("torch_linears");
  const Paths paths;
  for (int number = 0; number < 3; ++number) {
    for (const char* granularity : {".0", ".1"}) {
      const std::string name = "static." + std::to_string(number) + granularity;
      CAPTURE(name);
      const OneLayer layer = layer_of(golden, name);
      const std::vector<float> r = golden.floats(name + ".ranges");
      const LayerRanges ranges{r[0], r[1], r[2], r[3]};
      for (const Path& path : paths.all()) {
        CAPTURE(name_of(path));
        const auto y = run_layer(layer, layer, {Arithmetic::torch_static, true, false}, &ranges,
                                 golden.floats(name + ".x"), path.isa);
        CHECK(y == golden.floats(name + ".y"));
      }
    }
  }
}

TEST_CASE("ranges are those that PyTorch chooses") {
  const QuantizedGolden golden("torch_linears");
  for (const bool reduced : {false, true}) {
    const std::vector<float> rows = golden.floats(reduced ? "ranges.1" : "ranges.0");
    REQUIRE(rows.size() > 800);
    for (std::size_t i = 0; i < rows.size(); i += 4) {
      CAPTURE(rows[i]);
      CAPTURE(rows[i + 1]);
      const TorchRange range = torch_range(rows[i], rows[i + 1], reduced);
      CHECK(range.scale == rows[i + 2]);
      CHECK(static_cast<float>(range.zero_point) == rows[i + 3]);
    }
  }
}

TEST_CASE("the range of rows has every value in it, and what is not finite shows") {
  Random random(5);
  for (const std::size_t columns : {1U, 3U, 4U, 7U, 16U, 33U}) {
    const std::size_t ld = leading_dimension(columns);
    std::vector<float> values(5 * ld, std::nanf(""));  // padding is not looked at
    for (std::size_t row = 0; row < 5; ++row) {
      for (std::size_t i = 0; i < columns; ++i) values[row * ld + i] = 0.5F + random.bell();
    }
    const FloatRows rows{values.data(), ld};
    for (const std::size_t column : {std::size_t{0}, columns - 1}) {
      float& value = values[3 * ld + column];
      const float kept = value;
      value = -7.5F;
      CHECK(range_of_rows(rows, 5, columns).lowest == -7.5F);
      value = 9.25F;
      CHECK(range_of_rows(rows, 5, columns).highest == 9.25F);
      CHECK(range_of_rows(rows, 5, columns).finite);
      for (const float bad : {HUGE_VALF, -HUGE_VALF, std::nanf("")}) {
        value = bad;
        CHECK_FALSE(range_of_rows(rows, 5, columns).finite);
      }
      value = kept;
    }
    CHECK(range_of_rows(rows, 0, columns).highest == 0.0F);
  }
}

// --- Q8BERT ------------------------------------------------------------------------------------

std::int64_t rounded(float x, float scale, std::int64_t most) {
  const double q = std::nearbyint(static_cast<double>(x * scale));
  return static_cast<std::int64_t>(
      std::clamp(q, -static_cast<double>(most), static_cast<double>(most)));
}

float largest(const std::vector<float>& values) {
  float result = 0.0F;
  for (const float value : values) result = std::max(result, std::fabs(value));
  return result;
}

// acc = q_x * q_W^T + q_bias, as the paper has it.
std::vector<std::int64_t> paper_sums(const OneLayer& layer, const std::vector<float>& x,
                                     float input_scale) {
  const float weight_scale = 127.0F / largest(layer.float_weight);
  std::vector<std::int64_t> sums;
  for (std::size_t row = 0; row * layer.inputs < x.size(); ++row) {
    for (std::size_t n = 0; n < layer.outputs; ++n) {
      std::int64_t sum = rounded(layer.bias[n], weight_scale * input_scale, (1LL << 31) - 1);
      for (std::size_t k = 0; k < layer.inputs; ++k) {
        sum += rounded(x[row * layer.inputs + k], input_scale, 127) *
               rounded(layer.float_weight[n * layer.inputs + k], weight_scale, 127);
      }
      sums.push_back(sum);
    }
  }
  return sums;
}

TEST_CASE("Q8BERT's sums are those of the paper's formulas, and so is the rounding of results") {
  Random random(17);
  const Paths paths;
  for (const auto& [outputs, inputs, rows] :
       {std::array<std::size_t, 3>{16, 24, 5}, {5, 13, 3}, {48, 100, 20}, {20, 768, 2}}) {
    const OneLayer layer = random_layer(outputs, inputs, random);
    std::vector<float> x(rows * inputs);
    for (float& value : x) value = 1.3F * random.bell();
    x[0] = -9.0F;  // beyond a threshold that training found: clipped to -127, never -128
    for (const bool dynamic : {false, true}) {
      for (const bool requantized : {false, true}) {
        CAPTURE(outputs);
        CAPTURE(dynamic);
        CAPTURE(requantized);
        const float threshold = dynamic ? largest(x) : 3.1F;
        const float input_scale = 127.0F / threshold;
        const float bias_scale = input_scale * (127.0F / largest(layer.float_weight));
        const std::vector<std::int64_t> sums = paper_sums(layer, x, input_scale);
        float largest_result = 0.0F;
        for (const std::int64_t sum : sums) {
          largest_result =
              std::max(largest_result, std::fabs(static_cast<float>(sum)) / bias_scale);
        }
        const float output_scale = 127.0F / (dynamic ? largest_result : 2.5F);
        const LayerRanges ranges{input_scale, 0.0F, output_scale, 0.0F};
        const LayerForm form{dynamic ? Arithmetic::q8bert_dynamic : Arithmetic::q8bert_ema,
                             requantized, false};
        for (const Path& path : paths.all()) {
          CAPTURE(name_of(path));
          const jit::ThreadScope scope(path.isa);
          const QuantizingSource source(layer, WeightScheme::q8bert,
                                        {{"m.weight", outputs * inputs}});
          const auto y = run_layer(source, layer, form, &ranges, x, path.isa);
          REQUIRE(y.size() == sums.size());
          std::size_t wrong = 0;
          for (std::size_t i = 0; i < sums.size(); ++i) {
            // Below 2^24 a float holds the sum whole, so the result gives it back.
            REQUIRE(std::abs(sums[i]) < (1 << 24));
            const float result = static_cast<float>(sums[i]) / bias_scale;
            if (requantized) {
              const auto code = static_cast<float>(rounded(result, output_scale, 127));
              if (ulps_between(y[i], code / output_scale) > 1) ++wrong;
            } else if (std::llrint(static_cast<double>(y[i]) * static_cast<double>(bias_scale)) !=
                       sums[i]) {
              ++wrong;
            }
          }
          CHECK(wrong == 0);
        }
      }
    }
  }
}

TEST_CASE("an input of zeros gives the bias") {
  Random random(3);
  const OneLayer layer = random_layer(7, 20, random);
  const std::vector<float> zeros(40);
  const jit::ThreadScope scope(jit::Isa::reference);
  const QuantizingSource q8bert(layer, WeightScheme::q8bert, {{"m.weight", 140}});
  const QuantizingSource torch(layer, WeightScheme::torch, {{"m.weight", 140}});
  const auto dynamic = run_layer(q8bert, layer, {Arithmetic::q8bert_dynamic, false, false}, nullptr,
                                 zeros, jit::Isa::reference);
  const auto whole = run_layer(torch, layer, {Arithmetic::torch_dynamic, false, true}, nullptr,
                               zeros, jit::Isa::reference);
  for (std::size_t i = 0; i < dynamic.size(); ++i) {
    CHECK(std::fabs(dynamic[i] - layer.bias[i % 7]) < 1e-2F);  // in steps of the weight's scale
    CHECK(whole[i] == layer.bias[i % 7]);
  }
}

TEST_CASE("what follows a rounded result is the activation of what it stands for") {
  Random random(23);
  const OneLayer layer = random_layer(33, 24, random);
  std::vector<float> x(6 * 24);
  for (float& value : x) value = random.bell();
  const LayerRanges ranges{127.0F / 3.0F, 0.0F, 127.0F / 2.0F, 0.0F};
  const LayerForm form{Arithmetic::q8bert_ema, true, false};
  const jit::ThreadScope scope(jit::Isa::reference);
  const QuantizingSource source(layer, WeightScheme::q8bert, {{"m.weight", 33 * 24}});
  const auto plain = run_layer(source, layer, form, &ranges, x, jit::Isa::reference);
  const auto gelu = run_layer(source, layer, form, &ranges, x, jit::Isa::reference,
                              {.activation = jit::Activation::gelu_erf});
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const double v = static_cast<double>(plain[i]);
    CHECK(static_cast<double>(gelu[i]) ==
          doctest::Approx(0.5 * v * (1 + std::erf(v / std::sqrt(2.0)))).epsilon(1e-5).scale(1.0));
  }
}

}  // namespace
}  // namespace bertq::testing
