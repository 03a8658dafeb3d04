#include "engine/tuning/model_wise.h"

#include <algorithm>

namespace bertq::engine {
namespace {

// At least one, so that the product over types is not empty: of a type without INT8, its first
// option stands for "no part".
std::vector<LayerOption> int8_options(const std::vector<LayerOption>& options) {
  std::vector<LayerOption> kept;
  std::copy_if(options.begin(), options.end(), std::back_inserter(kept),
               [](const LayerOption& option) { return option.quantized(); });
  if (kept.empty()) kept.push_back(options.empty() ? LayerOption{} : options.front());
  return kept;
}

std::size_t different_options(const ModelWise& choice) {
  const bool attention = !(choice.attention == choice.linear);
  const bool embedding =
      !(choice.embedding == choice.linear) && !(choice.embedding == choice.attention);
  return 1U + (attention ? 1U : 0U) + (embedding ? 1U : 0U);
}

}  // namespace

const LayerOption& ModelWise::of(ModuleKind kind) const {
  if (kind == ModuleKind::attention) return attention;
  return kind == ModuleKind::embedding ? embedding : linear;
}

std::vector<ModelWise> model_wise_combinations(const TuningSpace& space) {
  std::vector<ModelWise> combinations;
  for (const LayerOption& embedding : int8_options(space.embedding)) {
    for (const LayerOption& linear : int8_options(space.linear)) {
      for (const LayerOption& attention : int8_options(space.attention)) {
        combinations.push_back({linear, attention, embedding});
      }
    }
  }
  std::stable_sort(combinations.begin(), combinations.end(),
                   [](const ModelWise& a, const ModelWise& b) {
                     return different_options(a) < different_options(b);
                   });
  return combinations;
}

Configuration spread(const TuningSpace& space, const ModelWise& choice, std::size_t sampling) {
  Configuration configuration = first_options(space, sampling);
  for (std::size_t i = 0; i < space.modules.size(); ++i) {
    const TunableModule& module = space.modules[i];
    const auto wanted =
        std::find(module.options.begin(), module.options.end(), choice.of(module.kind));
    const bool lacks = wanted == module.options.end() || !wanted->quantized();
    configuration.options[i] = static_cast<std::uint16_t>(
        lacks ? int8_option(module) : static_cast<std::size_t>(wanted - module.options.begin()));
  }
  return configuration;
}

std::vector<std::uint16_t> searched_options(const TunableModule& module) {
  std::vector<std::uint16_t> searched;
  for (std::size_t i = 0; i < module.options.size(); ++i) {
    if (module.options[i].quantized() || !has_int8(module)) {
      searched.push_back(static_cast<std::uint16_t>(i));
    }
  }
  return searched;
}

Configuration first_options(const TuningSpace& space, std::size_t sampling) {
  return {std::vector<std::uint16_t>(space.modules.size()), static_cast<std::uint16_t>(sampling),
          space.fixed_methods};
}

}  // namespace bertq::engine
