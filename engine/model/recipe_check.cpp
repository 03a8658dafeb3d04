#include "engine/model/recipe_check.h"

#include <cstdint>
#include <map>
#include <vector>

#include "bertq/error.h"
#include "engine/model/encoder_layer.h"
#include "engine/model/tensor_names.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

// [outputs][inputs] of every module that a recipe may name for a model of these dimensions; empty
// for those that have no weights.
using Shapes = std::map<std::string, std::vector<std::uint64_t>, std::less<>>;

Shapes shapes_of(const ModelConfig& config) {
  Shapes shapes;
  for (const ExpectedTensor& tensor : expected_tensors(config)) {
    if (tensor.role != Role::vector) shapes.emplace(module_of(tensor.name), tensor.shape);
  }
  for (std::size_t layer = 0; layer < config.layers; ++layer) {
    for (const char* product : {"attention.scores", "attention.context"}) {
      shapes.emplace(layer_prefix(layer) + product, std::vector<std::uint64_t>());
    }
  }
  return shapes;
}

// What is wrong with the numbers that a layer's choice brings; empty if nothing is.
std::string misfit(const LayerChoice& choice, const std::vector<std::uint64_t>& shape) {
  if (shape.size() != 2 || choice.precision != Precision::int8) return "";
  const std::size_t scales = choice.scale.size(), corrections = choice.bias_correction.size();
  if (scales > 1 && scales != shape[1]) {
    return "expected 1 or " + std::to_string(shape[1]) + " scales, got " + std::to_string(scales);
  }
  if (corrections != 0 && shape[0] != any_size && corrections != shape[0]) {
    return "bias_correction: expected " + std::to_string(shape[0]) + " numbers, got " +
           std::to_string(corrections);
  }
  return "";
}

}  // namespace

void check_recipe(const Recipe& recipe, const ModelConfig& config, const std::string& name) {
  const Shapes shapes = shapes_of(config);
  for (const auto& [module, choice] : recipe.entries()) {
    const auto refuse = [&](const std::string& what) {
      throw Error(ErrorKind::input, name + ": layer " + loaders::printable(module) + ": " + what);
    };
    const auto shape = shapes.find(module);
    if (shape == shapes.end()) refuse("the model has no such layer");
    if (!choice.splits.empty() && !may_be_split(module)) {
      refuse("split: only the second layers of feed-forward blocks can have it");
    }
    if (const std::string what = misfit(choice, shape->second); !what.empty()) refuse(what);
  }
}

}  // namespace bertq::engine
