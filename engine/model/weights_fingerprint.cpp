#include "engine/model/weights_fingerprint.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "bertq/error.h"
#include "engine/model/model_files.h"
#include "engine/model/tensor_names.h"
#include "engine/model/tensor_source.h"
#include "loaders/printable.h"
#include "loaders/xxh3.h"

namespace bertq::engine {
namespace {

constexpr std::size_t slice_floats = std::size_t{1} << 20U;

void add_number(loaders::Xxh3& hash, std::uint64_t number) {
  hash.update(std::as_bytes(std::span(&number, 1)));
}

}  // namespace

std::string weights_fingerprint(const loaders::Checkpoint& checkpoint, const ModelConfig& config) {
  const CheckpointSource source(checkpoint, config);
  loaders::Xxh3 hash;
  std::vector<float> slice(slice_floats);
  for (const ExpectedTensor& tensor : expected_tensors(config)) {
    if (!source.has(tensor.name)) continue;
    std::uint64_t count = source.rows(tensor.name);
    for (std::size_t i = 1; i < tensor.shape.size(); ++i) count *= tensor.shape[i];
    // Lengths go in as well, so that no two names and values run together to the same bytes.
    add_number(hash, tensor.name.size());
    hash.update(std::as_bytes(std::span(tensor.name)));
    add_number(hash, count);
    for (std::uint64_t at = 0; at < count;) {
      const auto part = std::span(slice).first(std::min<std::uint64_t>(slice.size(), count - at));
      source.read(tensor.name, at, part);
      hash.update(std::as_bytes(part));
      at += part.size();
    }
  }
  return loaders::hex(hash.digest());
}

void require_made_for(const Recipe& recipe, const ModelFiles& files) {
  if (recipe.metadata().empty() || files.packed) return;
  const auto metadata = nlohmann::json::parse(recipe.metadata());
  const auto wanted = metadata.find("weights");
  if (wanted == metadata.end() || !wanted->is_string()) return;
  const std::string got = weights_fingerprint(files.checkpoint, files.config);
  if (*wanted == got) return;
  const auto model = metadata.find("model");
  const std::string of =
      model != metadata.end() && model->is_string() ? " of " + model->get<std::string>() : "";
  throw Error(ErrorKind::input,
              files.name + ": expected the weights that the recipe was made for (" +
                  loaders::printable(wanted->get<std::string>() + of) + "), got " + got);
}

}  // namespace bertq::engine
