// The engine and the oracle against PyTorch: hidden states of tiny random checkpoints, made by
// scripts/make_golden.py; and against google-research's formulas, by
// scripts/make_tensorflow_checkpoints.py.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/model/model_files.h"
#include "jit/paths.h"
#include "loaders/checkpoint.h"
#include "oracle.h"
#include "texts.h"

namespace bertq::testing {
using namespace engine;
namespace {

const std::filesystem::path folder = BERTQ_TEST_DATA;
constexpr const char* cases[] = {
    "golden/erf",         "golden/odd_sizes_tanh", "golden/relu_three_labels",
    "golden/one_segment", "golden/regression",     "checkpoints/tf_classifier"};

struct Golden {
  explicit Golden(const std::string& name)
      : files(open_model(folder / name, {})),
        answers(loaders::open_checkpoint(folder / name / "golden.safetensors")) {
    const std::vector<float> ids = read("ids"), segments = read("segments"),
                             bounds = read("bounds");
    for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
      Text text;
      for (auto token = static_cast<std::size_t>(bounds[i]);
           token < static_cast<std::size_t>(bounds[i + 1]); ++token) {
        text.ids.push_back(static_cast<std::int32_t>(ids[token]));
        text.segments.push_back(static_cast<std::int32_t>(segments[token]));
      }
      texts.push_back(text);
    }
  }

  std::vector<float> read(const std::string& tensor) const {
    const loaders::Tensor* stored = answers.find(tensor);
    REQUIRE_MESSAGE(stored != nullptr, "golden.safetensors has no tensor ", tensor);
    std::vector<float> values(stored->elements);
    loaders::read_f32(*stored, 0, values);
    return values;
  }

  ModelFiles files;
  loaders::Checkpoint answers;
  std::vector<Text> texts;
};

// The largest difference of `got`, whose rows are `ld` apart, from the dense rows of `want`.
double largest_difference(std::span<const float> got, std::size_t ld, std::size_t columns,
                          const std::vector<float>& want) {
  REQUIRE(want.size() % columns == 0);
  double largest = 0.0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double difference =
        static_cast<double>(got[i / columns * ld + i % columns]) - static_cast<double>(want[i]);
    largest = std::isnan(difference) ? HUGE_VAL : std::max(largest, std::abs(difference));
  }
  return largest;
}

struct Observed {
  const Golden& golden;
  std::size_t ld;
  std::size_t layers = 0;
};

void check_layer(void* context, std::size_t layer, std::span<const float> states) {
  auto& observed = *static_cast<Observed*>(context);
  CAPTURE(layer);
  CHECK(largest_difference(states, observed.ld, observed.golden.files.config.hidden,
                           observed.golden.read("hidden." + std::to_string(layer))) < 1e-5);
  ++observed.layers;
}

TEST_CASE("FP32 gives PyTorch's hidden states and logits") {
  const Paths paths;
  for (const char* name : cases) {
    CAPTURE(name);
    const Golden golden(name);
    const PackedBatch batch = batch_of(golden.texts);
    for (const Path& path : paths.all()) {
      if (path.emulated) continue;
      CAPTURE(name_of(path));
      const auto model = Model::load(golden.files.checkpoint, golden.files.config,
                                     Recipe::uniform(Precision::fp32), path.isa);
      Session session(model, 1);
      Observed observed{golden, session.hidden_ld()};
      session.observe_layers(check_layer, &observed);
      session.hidden_states(batch);
      CHECK(observed.layers == golden.files.config.layers + 1);
      session.observe_layers(nullptr, nullptr);
      const std::size_t labels = model->labels();
      CHECK(session.logits(batch).size() == batch.sequences() * labels);
      CHECK(largest_difference(session.logits(batch), labels, labels, golden.read("logits")) <
            1e-5);
    }
  }
}

TEST_CASE("so does the oracle, more exactly") {
  for (const char* name : cases) {
    CAPTURE(name);
    const Golden golden(name);
    if (golden.files.checkpoint.format != "safetensors") continue;  // it knows only those names
    const std::vector<float> want = golden.read("logits");
    std::vector<float> got;
    for (const Text& text : golden.texts) {
      for (const double logit :
           oracle(golden.files.checkpoint, golden.files.config, text.ids, text.segments).logits) {
        got.push_back(static_cast<float>(logit));
      }
    }
    REQUIRE(got.size() == want.size());
    CHECK(largest_difference(got, 1, 1, want) < 1e-6);
  }
}

}  // namespace
}  // namespace bertq::testing
