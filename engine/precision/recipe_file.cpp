#include "engine/precision/recipe_file.h"

#include "bertq/error.h"
#include "engine/precision/recipe.h"
#include "loaders/byte_source.h"
#include "loaders/checkpoint.h"
#include "loaders/printable.h"
#include "loaders/xxh3.h"

namespace bertq::engine {
Recipe read_recipe(const std::filesystem::path& file) {
  Recipe recipe =
      Recipe::parse(loaders::read_text(*loaders::open_file(file), longest_recipe), file.string());
  RoundedWeights weights = recipe.rounded_weights();
  if (weights.name.empty()) return recipe;
  auto source = loaders::open_file(file.parent_path() / weights.name);
  loaders::Xxh3 digest;
  loaders::update(digest, *source, 0, source->size());
  if (const std::string hash = loaders::hex(digest.digest()); hash != weights.xxh3_128) {
    throw Error(ErrorKind::input, source->name() + ": expected the weights that " + file.string() +
                                      " was written with, XXH3-128 " +
                                      loaders::printable(weights.xxh3_128) + ", got " + hash);
  }
  weights.tensors =
      std::make_shared<const loaders::Checkpoint>(loaders::open_checkpoint_file(std::move(source)));
  recipe.set_rounded_weights(std::move(weights));
  return recipe;
}

}  // namespace bertq::engine
