#include <filesystem>
#include <string>

#include "engine/precision/recipe.h"
#include "engine/precision/recipe_file.h"
#include "engine/runtime/replace_file.h"
#include "loaders/byte_source.h"
#include "loaders/checkpoint.h"

namespace bertq::engine {
namespace {

constexpr std::string_view weights_extension = ".safetensors";

// The name of the weights that an earlier recipe of this name was written with; empty if there is
// none that could be read.
std::string earlier_weights(const std::filesystem::path& file) {
  try {
    const auto source = loaders::open_file(file);
    return Recipe::parse(loaders::read_text(*source, longest_recipe), file.string())
        .rounded_weights()
        .name;
  } catch (const std::exception&) {
    return {};
  }
}

// Whether any recipe in the folder of `file` names these weights, such as a copy that somebody
// keeps. Yes if that cannot be known.
bool is_named_beside(const std::filesystem::path& file, const std::string& weights) {
  const std::filesystem::path folder = file.parent_path();
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(folder.empty() ? "." : folder, failed), end;
       entry != end && !failed; entry.increment(failed)) {
    if (!entry->is_regular_file(failed) || failed) continue;
    if (entry->path().extension() == weights_extension) continue;
    try {
      const auto source = loaders::open_file(entry->path());
      if (source->size() > longest_recipe) continue;
      if (loaders::read_text(*source, longest_recipe).find(weights) != std::string::npos) {
        return true;
      }
    } catch (const std::exception&) {
      return true;
    }
  }
  return static_cast<bool>(failed);
}

std::string all_bytes(const RoundedWeights& weights) {
  const loaders::ByteSource& source = *weights.tensors->sources.at(0);
  std::string bytes(static_cast<std::size_t>(source.size()), '\0');
  source.read(0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

}  // namespace

Recipe save_rounded_weights(const Recipe& recipe, const std::filesystem::path& file) {
  RoundedWeights weights = recipe.rounded_weights();
  if (weights.tensors == nullptr) return recipe;
  weights.name = file.stem().string() + "." + weights.xxh3_128 + std::string(weights_extension);
  replace_file(file.parent_path() / weights.name, all_bytes(weights));
  Recipe saved = recipe;
  saved.set_rounded_weights(std::move(weights));
  return saved;
}

void write_recipe(const Recipe& recipe, const std::filesystem::path& file) {
  const std::string earlier = earlier_weights(file);
  const Recipe saved = save_rounded_weights(recipe, file);
  replace_file(file, saved.to_json());
  // What no recipe names any more. A file of another form of name is somebody else's.
  const bool ours = earlier.starts_with(file.stem().string() + ".") &&
                    earlier.ends_with(weights_extension) && earlier.find('/') == std::string::npos;
  if (!ours || earlier == saved.rounded_weights().name || is_named_beside(file, earlier)) return;
  std::error_code ignored;
  std::filesystem::remove(file.parent_path() / earlier, ignored);
}

}  // namespace bertq::engine
