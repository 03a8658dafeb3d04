#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "engine/calibration/rounded_weights_file.h"
#include "engine/model/encoder_layer.h"
#include "engine/model/model.h"
#include "engine/precision/recipe.h"
#include "memory_checkpoint.h"
#include "support/temporary_folder.h"

namespace bertq::testing {
using namespace engine;
namespace {

const std::string module = layer_prefix(0) + "intermediate.dense";
constexpr std::size_t hidden = 32, intermediate = 48;

// A recipe with rounded weights for one layer, as files in a folder.
class Files {
 public:
  explicit Files(std::size_t outputs = intermediate) {
    Int8Layer layer;
    layer.weights = Int8Matrix::Constant(static_cast<Eigen::Index>(outputs), hidden, 3);
    layer.scale.assign(outputs, 0.02F);
    RoundedWeights weights = rounded_weights({{module, &layer}});
    weights.name = "r.weights.safetensors";
    const auto& source = *weights.tensors->sources.front();
    std::string bytes(source.size(), '\0');
    source.read(0, std::as_writable_bytes(std::span(bytes)));
    write(weights.name, bytes);
    recipe_ = Recipe::uniform(Precision::int8);
    recipe_.set(module, {.rounding = Rounding::calibrated});
    recipe_.set_rounded_weights(weights);
    write("r.json", recipe_.to_json());
  }

  const Recipe& recipe() const { return recipe_; }
  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }

 private:
  TemporaryFolder folder_;
  Recipe recipe_;
};

std::string error_of(const Files& files) {
  try {
    const ModelConfig config = small_config(hidden, 2, intermediate, 1);
    const MemoryCheckpoint checkpoint(config, 1);
    Model::load(checkpoint, config, read_recipe(files.path("r.json")), jit::Isa::reference);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

TEST_CASE("a recipe is read with its weights file, and the layer has these weights") {
  const Files files;
  const Recipe recipe = read_recipe(files.path("r.json"));
  CHECK(same_choices(recipe, files.recipe()));
  REQUIRE(recipe.rounded_weights().tensors != nullptr);
  CHECK(error_of(files) == "no error");
}

TEST_CASE("a weights file that is missing, changed or of another model is refused by name") {
  const Files files;
  files.write("r.weights.safetensors", "{}");
  CHECK(error_of(files).find("r.weights.safetensors: expected the weights that ") !=
        std::string::npos);
  std::filesystem::remove(files.path("r.weights.safetensors"));
  CHECK(error_of(files).find("r.weights.safetensors") != std::string::npos);
  CHECK(error_of(Files(intermediate + 1)) ==
        "r.weights.safetensors: tensor " + module +
            ".weight: expected I8 x 48 x 32, got another type or shape");
}

TEST_CASE("what does not fit the layer is refused by name") {
  const ModelConfig config = small_config(hidden, 2, intermediate, 1);
  const MemoryCheckpoint checkpoint(config, 1);
  const auto error_with = [&](const LayerChoice& choice) -> std::string {
    Recipe recipe = Recipe::uniform(Precision::int8);
    recipe.set(module, choice);
    try {
      Model::load(checkpoint, config, recipe, jit::Isa::reference);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::input);
      return error.what();
    }
    return "no error";
  };
  CHECK(error_with({.activations = Ranges::fixed,
                    .scale = std::vector<float>(31, 1.0F),
                    .zero_point = std::vector<std::int32_t>(31, 0)}) ==
        "recipe: layer " + module + ": expected 1 or 32 scales, got 31");
  CHECK(error_with({.bias_correction = {1.0F}}) ==
        "recipe: layer " + module + ": bias_correction: expected 48 numbers, got 1");
  CHECK(error_with({.rounding = Rounding::calibrated}) ==
        "recipe: tensor " + module + ".weight: expected it, got none");
}

}  // namespace
}  // namespace bertq::testing
