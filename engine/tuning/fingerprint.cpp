#include "engine/tuning/fingerprint.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/model/model_folder.h"
#include "loaders/byte_source.h"
#include "loaders/xxh3.h"

namespace bertq::engine {
namespace {

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
  void add(const loaders::ByteSource& source) {
    add(source.size());
    loaders::update(hash_, source, 0, source.size());
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

}  // namespace bertq::engine
