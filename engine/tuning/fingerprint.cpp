#include "engine/tuning/fingerprint.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <nlohmann/json.hpp>

#include "bertq/error.h"
#include "engine/model/model_folder.h"
#include "engine/model/tensor_names.h"
#include "engine/model/tensor_source.h"
#include "loaders/byte_source.h"
#include "loaders/printable.h"
#include "loaders/xxh3.h"

namespace bertq {
namespace {

constexpr std::size_t slice_bytes = std::size_t{4} << 20U;
constexpr std::size_t slice_floats = slice_bytes / sizeof(float);

// Lengths go in as well, so that no two lists of texts run together to the same bytes.
class Digest {
 public:
  void add(std::uint64_t number) { hash_.update(std::as_bytes(std::span(&number, 1))); }
  void add(std::string_view text) {
    add(text.size());
    hash_.update(std::as_bytes(std::span(text)));
  }
  void add(std::span<const std::int32_t> numbers) {
    add(numbers.size());
    hash_.update(std::as_bytes(numbers));
  }
  void add_bytes(std::span<const std::byte> bytes) { hash_.update(bytes); }
  void add(const loaders::ByteSource& source) {
    std::vector<std::byte> slice(slice_bytes);
    add(source.size());
    for (std::uint64_t at = 0; at < source.size(); at += slice_bytes) {
      const auto bytes = std::span(slice).first(
          static_cast<std::size_t>(std::min<std::uint64_t>(slice_bytes, source.size() - at)));
      source.read(at, bytes);
      hash_.update(bytes);
    }
  }
  std::string text() const { return loaders::hex(hash_.digest()); }

 private:
  loaders::Xxh3 hash_;
};

void add_inputs(Digest& digest, std::span<const tokenizer::Encoding> inputs) {
  digest.add(inputs.size());
  for (const tokenizer::Encoding& input : inputs) {
    digest.add(input.ids);
    digest.add(input.segments);
  }
}

}  // namespace

std::string fingerprint(std::string_view text) {
  Digest digest;
  digest.add(text);
  return digest.text();
}

std::string weights_fingerprint(const loaders::Checkpoint& checkpoint, const ModelConfig& config) {
  const CheckpointSource source(checkpoint, config);
  Digest digest;
  std::vector<float> slice(slice_floats);
  for (const ExpectedTensor& tensor : expected_tensors(config)) {
    if (!source.has(tensor.name)) continue;
    std::uint64_t left = source.rows(tensor.name);
    for (std::size_t i = 1; i < tensor.shape.size(); ++i) left *= tensor.shape[i];
    digest.add(tensor.name);
    digest.add(left);
    for (std::uint64_t at = 0; left > 0;) {
      const auto part = std::span(slice).first(std::min<std::uint64_t>(slice.size(), left));
      source.read(tensor.name, at, part);
      digest.add_bytes(std::as_bytes(part));
      at += part.size();
      left -= part.size();
    }
  }
  return digest.text();
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

std::string small_files_fingerprint(const ModelFiles& files) {
  Digest digest;
  for (const std::string& name : files.small_files) {
    digest.add(name);
    digest.add(*files.folder->open(name));
  }
  return digest.text();
}

std::string inputs_fingerprint(std::span<const tokenizer::Encoding> inputs) {
  Digest digest;
  add_inputs(digest, inputs);
  return digest.text();
}

std::string set_fingerprint(const EvaluationSet& set) {
  Digest digest;
  add_inputs(digest, set.inputs());
  for (std::size_t i = 0; i < set.examples(); ++i) {
    digest.add(set.example_text(i));
    digest.add(set.labelled() ? set.expected_answer(i) : "");
  }
  return digest.text();
}

std::string space_fingerprint(const TuningSpace& space) {
  Digest digest;
  for (const TunableModule& module : space.modules) {
    digest.add(module.name);
    for (const LayerOption& option : module.options) {
      digest.add(option_text(option));
      digest.add(static_cast<std::uint64_t>(option.algorithm));
    }
  }
  for (const std::size_t size : space.sampling_sizes) digest.add(size);
  digest.add(space.fixed_methods);
  digest.add(space.methods ? 1U : 0U);
  return digest.text();
}

}  // namespace bertq
