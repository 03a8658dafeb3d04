// Configurations in which all modules of a type are alike: where every strategy begins.
#pragma once

#include <vector>

#include "engine/tuning/tuning_space.h"

namespace bertq::engine {

// One option for each type of module.
struct ModelWise {
  LayerOption linear, attention, embedding;
  const LayerOption& of(ModuleKind kind) const;
};

// The product of the types' INT8 options in the space's order, embeddings slowest, then linear
// layers, then attention; those with fewer different options first, otherwise in this order. A type
// that has no INT8 option takes no part.
std::vector<ModelWise> model_wise_combinations(const TuningSpace& space);

// Each module with its type's option, or its first INT8 option if it lacks that, or its first
// option if it has no INT8 at all.
Configuration spread(const TuningSpace& space, const ModelWise& choice, std::size_t sampling);

// The options that LPOT's strategies go through: those in INT8, or all of a module that has none.
std::vector<std::uint16_t> searched_options(const TunableModule& module);

// Each module's first option.
Configuration first_options(const TuningSpace& space, std::size_t sampling);

}  // namespace bertq::engine
