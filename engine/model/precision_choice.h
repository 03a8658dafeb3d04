// Which recipe and whose arithmetic a model runs in, from what a user asks for: what the command
// line's flags and the library's LoadOptions share.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/model/arithmetic.h"
#include "engine/model/model.h"
#include "engine/model/model_files.h"
#include "engine/precision/recipe.h"
#include "jit/isa.h"

namespace bertq::engine {

inline constexpr std::string_view torch_dynamic_name = "torch-dynamic";

struct PrecisionChoice {
  // fp32, bf16, int8, torch-dynamic, or auto: that of the recipe given or of the .bertq file, else
  // that in which the checkpoint was quantised, else int8.
  std::string name = "auto";
  std::optional<std::filesystem::path> recipe_file;  // with one, the name is "auto"
  std::optional<bool> reduced_range;                 // of torch-dynamic: see ArithmeticChoice
};

// bertq's own for fp32, bf16 and a recipe, PyTorch's for torch-dynamic, else the checkpoint's where
// it has one.
ArithmeticChoice chosen_arithmetic(const PrecisionChoice& choice);

// The recipe read from its file, or the uniform one that the name means.
Recipe chosen_recipe(const PrecisionChoice& choice);
// The same for a model; a .bertq file has its own, and asking for another throws Error (usage).
// Throws Error (input), naming the recipe's file, for one that is not of a model of this shape.
Recipe chosen_recipe(const PrecisionChoice& choice, const ModelFiles& files);

// "tuned" for a recipe given, else the name of the precision.
std::string precision_label(const PrecisionChoice& choice);
std::string precision_label(const PrecisionChoice& choice, const ModelFiles& files);

// Throws what require_made_for and Model::load throw. `config` is the files' own, perhaps with
// another activation.
std::shared_ptr<const Model> load_model(const ModelFiles& files, const ModelConfig& config,
                                        const Recipe& recipe, jit::Isa isa,
                                        const ArithmeticChoice& arithmetic);

// Throws Error (input) if the model came without a tokenizer.
const tokenizer::Tokenizer& tokenizer_of(const ModelFiles& files);

}  // namespace bertq::engine
