#include <algorithm>
#include <array>

#include "bertq/error.h"
#include "bertq/recipe.h"
#include "loaders/byte_source.h"
#include "loaders/checkpoint.h"
#include "loaders/printable.h"
#include "loaders/xxh3.h"

namespace bertq {
namespace {

constexpr std::uint64_t longest_recipe = 64 << 20;  // bytes
constexpr std::size_t block_bytes = 1 << 20;

std::string hash_of(const loaders::ByteSource& source) {
  loaders::Xxh3 hash;
  std::vector<std::byte> block(block_bytes);
  for (std::uint64_t offset = 0; offset < source.size();) {
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), source.size() - offset));
    const std::span<std::byte> part = std::span(block).first(count);
    source.read(offset, part);
    hash.update(part);
    offset += count;
  }
  return loaders::hex(hash.digest());
}

}  // namespace

Recipe read_recipe(const std::filesystem::path& file) {
  Recipe recipe =
      Recipe::parse(loaders::read_text(*loaders::open_file(file), longest_recipe), file.string());
  RoundedWeights weights = recipe.rounded_weights();
  if (weights.name.empty()) return recipe;
  auto source = loaders::open_file(file.parent_path() / weights.name);
  if (const std::string hash = hash_of(*source); hash != weights.xxh3_128) {
    throw Error(ErrorKind::input, source->name() + ": expected the weights that " + file.string() +
                                      " was written with, XXH3-128 " +
                                      loaders::printable(weights.xxh3_128) + ", got " + hash);
  }
  weights.tensors =
      std::make_shared<const loaders::Checkpoint>(loaders::open_checkpoint_file(std::move(source)));
  recipe.set_rounded_weights(std::move(weights));
  return recipe;
}

}  // namespace bertq
