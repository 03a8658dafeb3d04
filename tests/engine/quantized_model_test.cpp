// Checkpoints that come quantised, end to end: against the answers of the systems that made them.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "jit/paths.h"
#include "quantized_golden.h"

namespace bertq::testing {
using namespace engine;
namespace {

using Kind = ArithmeticChoice::Kind;
constexpr ArithmeticChoice stored{Kind::stored, std::nullopt};
constexpr ArithmeticChoice torch_dynamic{Kind::torch_dynamic, std::nullopt};

std::shared_ptr<const Model> load(const ModelFiles& files, const ArithmeticChoice& arithmetic,
                                  jit::Isa isa) {
  return Model::load(files.checkpoint, files.config, Recipe::uniform(Precision::int8), isa,
                     arithmetic);
}

struct DynamicCase {
  const char* fixture;
  const char* golden;
  std::optional<bool> reduced_range;
};
constexpr DynamicCase dynamic_cases[] = {
    {"torch_dynamic", "torch_dynamic", std::nullopt},
    {"torch_dynamic", "torch_dynamic_full_range", false},
    {"torch_dynamic_v1", "torch_dynamic_full_range", std::nullopt},
    {"torch_dynamic_v2", "torch_dynamic_full_range", std::nullopt},
    {"torch_dynamic_per_channel", "torch_dynamic_per_channel", std::nullopt},
    {"torch_dynamic_fp16", "torch_dynamic_fp16", std::nullopt},
    {"torch_script_dynamic", "torch_dynamic", true},
    {"safetensors", "torch_dynamic", std::nullopt},
    {"torch_zip", "torch_dynamic", std::nullopt},
};

TEST_CASE("torch-dynamic gives PyTorch's logits, however the batch is padded") {
  const QuantizedGolden golden("torch_dynamic");
  const std::vector<Text> texts = golden.texts();
  constexpr std::size_t pad_to = 20;
  const Paths paths;
  for (const DynamicCase& row : dynamic_cases) {
    CAPTURE(row.fixture);
    CAPTURE(row.golden);
    const ModelFiles files = open_quantized_fixture(row.fixture);
    const std::string name = row.golden;
    const auto spread = static_cast<double>(golden.floats(name + ".spread")[0]);
    for (const Path& path : paths.all()) {
      if (path.emulated) continue;
      CAPTURE(name_of(path));
      const auto model = load(files, {Kind::torch_dynamic, row.reduced_range}, path.isa);
      Session session(model, 2);
      const auto distance = [&](std::size_t batch, std::size_t length, const char* golden_name) {
        session.pad_to(length);
        return largest_difference(logits_in_batches(session, texts, batch),
                                  golden.floats(name + golden_name));
      };
      const double allowed = 2 * spread;
      CHECK(distance(8, 0, ".batch8") <= allowed);
      CHECK(distance(8, pad_to, ".batch8_pad") <= allowed);
      CHECK(distance(1, 0, ".batch1") <= allowed);
    }
  }
}

TEST_CASE("the batch and its padding show in PyTorch's answers, and so in these") {
  const QuantizedGolden golden("torch_dynamic");
  const std::vector<float> together = golden.floats("torch_dynamic.batch8");
  CHECK(largest_difference(together, golden.floats("torch_dynamic.batch8_pad")) > 1e-4);
  CHECK(largest_difference(together, golden.floats("torch_dynamic.batch1")) > 1e-4);
}

// Twice the one unit in the last place of a logit that PyTorch's own engines are apart.
constexpr double two_spreads = 2 * 0x1p-23;

struct StoredCase {
  const char* fixture;
  const char* golden_file;
  double tolerance;
};
constexpr StoredCase stored_cases[] = {
    {"q8bert_ema", "q8bert", 1e-4},
    {"q8bert_training", "q8bert", 1e-4},
    {"q8bert_dynamic", "q8bert", 1e-4},
    {"q8bert_dynamic_training", "q8bert", 1e-4},
    {"lpot_static", "lpot", two_spreads},
    {"lpot_fallback", "lpot", two_spreads},
    {"lpot_tuned", "lpot", two_spreads},
    {"nc_per_tensor", "neural_compressor", two_spreads},
    {"nc_static", "neural_compressor", two_spreads},
    {"nc_fallback", "neural_compressor", two_spreads},
};

TEST_CASE("Q8BERT and LPOT run by default in their own arithmetic, the same alone and in a batch") {
  const Paths paths;
  for (const StoredCase& row : stored_cases) {
    CAPTURE(row.fixture);
    const QuantizedGolden golden(row.golden_file);
    const std::vector<Text> texts = golden.texts();
    const std::vector<float> want = golden.floats(std::string(row.fixture) + ".logits");
    const ModelFiles files = open_quantized_fixture(row.fixture);
    std::vector<float> first;
    for (const Path& path : paths.all()) {
      if (path.emulated) continue;
      CAPTURE(name_of(path));
      const auto model = load(files, stored, path.isa);
      CHECK_FALSE(model->pads_batches());
      for (const std::size_t threads : {1U, 3U}) {
        Session session(model, threads);
        const std::vector<float> alone = logits_in_batches(session, texts, 1);
        CHECK(largest_difference(alone, want) <= row.tolerance);
        if (first.empty()) first = alone;
        CHECK(hash_of(alone) == hash_of(first));
        CHECK(hash_of(logits_in_batches(session, texts, texts.size())) == hash_of(first));
      }
    }
  }
}

TEST_CASE("LPOT's and Neural Compressor's dynamic models give PyTorch's logits too") {
  const auto spread = QuantizedGolden("torch_dynamic").floats("torch_dynamic.spread")[0];
  for (const auto& [fixture, tool] :
       {std::pair{"lpot_dynamic", "lpot"}, std::pair{"nc_dynamic", "neural_compressor"}}) {
    CAPTURE(fixture);
    const QuantizedGolden golden(tool);
    const std::vector<Text> texts = golden.texts();
    const std::string name = fixture;
    const auto model = load(open_quantized_fixture(name), torch_dynamic, jit::Isa::reference);
    Session session(model, 1);
    const double allowed = 2 * static_cast<double>(spread);
    const std::vector<float> alone = logits_in_batches(session, texts, 1);
    CHECK(largest_difference(alone, golden.floats(name + ".logits")) <= allowed);
    CHECK(largest_difference(logits_in_batches(session, texts, 8),
                             golden.floats(name + ".batch8")) <= allowed);
  }
}

TEST_CASE("the rounding around a layer in FP32 shows in the answers") {
  // The same weights without the stub within the wrapper: what bertq would make of it if it took
  // the layer for any other in FP32.
  const std::vector<Text> texts = QuantizedGolden("lpot").texts();
  ModelFiles files = open_quantized_fixture("lpot_fallback");
  Session with(load(files, stored, jit::Isa::reference), 1);
  const std::vector<float> rounded = logits_in_batches(with, texts, 1);
  std::erase_if(files.checkpoint.tensors, [](const loaders::Tensor& tensor) {
    return tensor.name.starts_with("classifier.quant.");
  });
  Session without(load(files, stored, jit::Isa::reference), 1);
  CHECK(largest_difference(logits_in_batches(without, texts, 1), rounded) > 1e-3);
}

TEST_CASE("both forms of a Q8BERT give the same bits") {
  const std::vector<Text> texts = QuantizedGolden("q8bert").texts();
  for (const auto& [inference, training] :
       {std::pair{"q8bert_ema", "q8bert_training"},
        std::pair{"q8bert_dynamic", "q8bert_dynamic_training"}}) {
    CAPTURE(inference);
    Session a(load(open_quantized_fixture(inference), stored, jit::Isa::reference), 1);
    Session b(load(open_quantized_fixture(training), stored, jit::Isa::reference), 1);
    CHECK(hash_of(logits_in_batches(a, texts, 1)) == hash_of(logits_in_batches(b, texts, 1)));
  }
}

TEST_CASE("every quantised form also runs in bertq's own arithmetic and dequantised") {
  const std::vector<Text> texts = QuantizedGolden("q8bert").texts();
  const ModelFiles plain = open_quantized_fixture("safetensors");
  Session reference(Model::load(plain.checkpoint, plain.config, Recipe::uniform(Precision::fp32),
                                jit::Isa::reference),
                    1);
  const std::vector<float> want = logits_in_batches(reference, texts, 4);
  for (const char* fixture :
       {"torch_dynamic", "torch_dynamic_v1", "torch_dynamic_v2", "torch_dynamic_per_channel",
        "torch_dynamic_fp16", "torch_script_dynamic", "lpot_static", "lpot_fallback", "lpot_tuned",
        "lpot_dynamic", "nc_per_tensor", "nc_static", "nc_fallback", "nc_dynamic", "q8bert_ema",
        "q8bert_training", "q8bert_dynamic"}) {
    CAPTURE(fixture);
    const ModelFiles files = open_quantized_fixture(fixture);
    for (const Precision precision : {Precision::fp32, Precision::int8}) {
      Session session(Model::load(files.checkpoint, files.config, Recipe::uniform(precision),
                                  jit::Isa::reference),
                      1);
      const double distance = largest_difference(logits_in_batches(session, texts, 4), want);
      CHECK(distance < 0.15);  // of logits of about 1: as far as 8 bits go in a model so small
    }
  }
}

TEST_CASE("INT8 weights are never quantised again") {
  const ModelFiles files = open_quantized_fixture("torch_dynamic");
  const std::vector<Text> texts = QuantizedGolden("torch_dynamic").texts();
  // Their one scale a tensor, whatever granularity a recipe asks for.
  Recipe per_tensor = Recipe::uniform(Precision::int8);
  for (const char* module : {"bert.pooler.dense", "bert.encoder.layer.0.intermediate.dense"}) {
    LayerChoice choice;
    choice.weights = Granularity::per_tensor;
    per_tensor.set(module, choice);
  }
  Session a(Model::load(files.checkpoint, files.config, Recipe::uniform(Precision::int8),
                        jit::Isa::reference),
            1);
  Session b(Model::load(files.checkpoint, files.config, per_tensor, jit::Isa::reference), 1);
  CHECK(hash_of(logits_in_batches(a, texts, 4)) == hash_of(logits_in_batches(b, texts, 4)));
}

TEST_CASE("threads and instruction sets do not show in torch-dynamic's bits") {
  const ModelFiles files = open_quantized_fixture("torch_dynamic");
  const std::vector<Text> texts = QuantizedGolden("torch_dynamic").texts();
  const Paths paths;
  std::uint64_t first = 0;
  for (const Path& path : paths.all()) {
    if (path.emulated) continue;
    const auto model = load(files, torch_dynamic, path.isa);
    CHECK(model->pads_batches());
    for (const std::size_t threads : {1U, 2U, 5U}) {
      CAPTURE(name_of(path));
      Session session(model, threads);
      const std::uint64_t hash = hash_of(logits_in_batches(session, texts, 4));
      if (first == 0) first = hash;
      CHECK(hash == first);
    }
  }
}

TEST_CASE("hidden states of a padded batch come without its padding") {
  const ModelFiles files = open_quantized_fixture("torch_dynamic");
  const std::vector<Text> texts = QuantizedGolden("torch_dynamic").texts();
  const auto model = load(files, torch_dynamic, jit::Isa::reference);
  Session session(model, 1);
  session.pad_to(24);
  const PackedBatch batch = batch_of(texts);
  const auto states = session.hidden_states(batch);
  CHECK(states.size() == batch.tokens() * session.hidden_ld());
  // Every text alone in a batch of equals: the same range, so the same rows.
  const PackedBatch twice = batch_of(std::vector<Text>{texts[3], texts[3]});
  const std::vector<float> once =
      states_of(twice, session.hidden_states(twice), session.hidden_ld(), files.config.hidden, 0);
  CHECK(hash_of(once) == hash_of(states_of(twice, session.hidden_states(twice), session.hidden_ld(),
                                           files.config.hidden, 1)));
}

}  // namespace
}  // namespace bertq::testing
