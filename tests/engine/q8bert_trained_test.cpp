// A checkpoint that scripts/train_q8bert.py's exporter wrote of a tiny BERT it had trained, both
// forms in one folder, against what its integers answer in PyTorch.
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

constexpr ArithmeticChoice stored{ArithmeticChoice::Kind::stored, std::nullopt};

// The folder means its training form; the integers have to be named.
ModelFiles trained(bool integers) {
  const auto folder = quantized_fixture("q8bert_trained");
  return open_model(integers ? folder / "quant_pytorch_model.bin" : folder, {});
}

std::shared_ptr<const Model> load(const ModelFiles& files, jit::Isa isa = jit::Isa::reference) {
  return Model::load(files.checkpoint, files.config, Recipe::uniform(Precision::int8), isa, stored);
}

TEST_CASE("a trained Q8BERT answers as its integers do in PyTorch, in both forms") {
  const QuantizedGolden golden("q8bert_trained");
  const std::vector<Text> texts = golden.texts();
  const std::vector<float> want = golden.floats("q8bert_trained.logits");
  REQUIRE(want.size() == 2 * texts.size());
  // What float32 in between (LayerNorm, softmax, GELU) may differ by while all codes are equal.
  constexpr double float_noise = 2e-5;
  std::vector<float> first;
  const Paths paths;
  for (const bool integers : {true, false}) {
    CAPTURE(integers);
    const ModelFiles files = trained(integers);
    for (const Path& path : paths.all()) {
      if (path.emulated) continue;
      CAPTURE(name_of(path));
      Session session(load(files, path.isa), 1);
      const std::vector<float> got = logits_in_batches(session, texts, 3);
      CHECK(largest_difference(got, want) < float_noise);
      if (first.empty()) first = got;
      CHECK(hash_of(got) == hash_of(first));
    }
  }
}

TEST_CASE("the trained ranges matter: the same weights answer otherwise in bertq's own INT8") {
  const QuantizedGolden golden("q8bert_trained");
  const ModelFiles files = trained(false);
  Session own(Model::load(files.checkpoint, files.config, Recipe::uniform(Precision::int8),
                          jit::Isa::reference),
              1);
  const std::vector<float> logits = logits_in_batches(own, golden.texts(), 3);
  CHECK(largest_difference(logits, golden.floats("q8bert_trained.logits")) > 1e-4);
}

TEST_CASE("a range that training never reached is refused by name, in both forms") {
  for (const bool integers : {true, false}) {
    for (const std::string name :
         {"classifier.input_thresh", "bert.encoder.layer.1.intermediate.dense.output_thresh"}) {
      CAPTURE(name);
      ModelFiles files = trained(integers);
      const float never = 0.0F;
      files.checkpoint.sources.push_back(
          loaders::open_memory(std::as_bytes(std::span(&never, 1)), "memory"));
      auto& tensors = files.checkpoint.tensors;
      const auto tensor = std::find_if(tensors.begin(), tensors.end(),
                                       [&](const auto& known) { return known.name == name; });
      REQUIRE(tensor != tensors.end());
      tensor->source = files.checkpoint.sources.back().get();
      tensor->offset = 0;
      tensor->checksum = nullptr;
      std::string message = "loaded";
      try {
        load(files);
      } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::input);
        message = error.what();
      }
      CHECK(message.find("pytorch_model.bin: tensor " + name + ": expected a threshold above 0") !=
            std::string::npos);
    }
  }
}

}  // namespace
}  // namespace bertq::testing
