#include "engine/model/precision_choice.h"

#include "bertq/error.h"
#include "engine/model/packed_facts.h"
#include "engine/model/recipe_check.h"

namespace bertq::engine {
namespace {

// Where the name says none, INT8.
Precision named_precision(std::string_view name) {
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    if (name == precision_name(precision)) return precision;
  }
  return Precision::int8;
}

}  // namespace

ArithmeticChoice chosen_arithmetic(const PrecisionChoice& choice) {
  if (choice.name == torch_dynamic_name) {
    return {ArithmeticChoice::Kind::torch_dynamic, choice.reduced_range};
  }
  const bool own = choice.recipe_file || named_precision(choice.name) != Precision::int8;
  return {own ? ArithmeticChoice::Kind::own : ArithmeticChoice::Kind::stored};
}

Recipe chosen_recipe(const PrecisionChoice& choice) {
  if (choice.recipe_file) return read_recipe(*choice.recipe_file);
  return Recipe::uniform(named_precision(choice.name));
}

Recipe chosen_recipe(const PrecisionChoice& choice, const ModelFiles& files) {
  if (!files.packed) {
    Recipe recipe = chosen_recipe(choice);
    if (choice.recipe_file) check_recipe(recipe, files.config, choice.recipe_file->string());
    return recipe;
  }
  const Recipe& stored = files.packed->recipe;
  const bool asks = choice.recipe_file || choice.name != "auto";
  const bool same_ranges = choice.name == "auto" || (choice.name == torch_dynamic_name) ==
                                                        files.packed->form.needs_padding();
  if (!asks || (same_ranges && same_choices(chosen_recipe(choice), stored))) return stored;
  throw Error(ErrorKind::usage, files.name + ": holds weights of its own recipe (" +
                                    precision_label(choice, files) +
                                    ") alone; for another, quantise the checkpoint again (bertq "
                                    "quantize)");
}

std::string precision_label(const PrecisionChoice& choice) {
  if (choice.recipe_file) return "tuned";
  return choice.name == "auto" ? "int8" : choice.name;
}

std::string precision_label(const PrecisionChoice& choice, const ModelFiles& files) {
  if (!files.packed) return precision_label(choice);
  if (files.packed->form.needs_padding()) return std::string(torch_dynamic_name);
  const Recipe& stored = files.packed->recipe;
  return std::string(stored.entries().empty() ? precision_name(stored.fallback().precision)
                                              : "tuned");
}

std::shared_ptr<const Model> load_model(const ModelFiles& files, const ModelConfig& config,
                                        const Recipe& recipe, jit::Isa isa,
                                        const ArithmeticChoice& arithmetic) {
  require_made_for(recipe, files);
  return Model::load(files.checkpoint, config, recipe, isa, arithmetic);
}

const tokenizer::Tokenizer& tokenizer_of(const ModelFiles& files) {
  if (!files.tokenizer) {
    throw Error(ErrorKind::input, files.name + ": expected vocab.txt or tokenizer.json, got none");
  }
  return *files.tokenizer;
}

}  // namespace bertq::engine
