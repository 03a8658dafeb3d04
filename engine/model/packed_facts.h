// What a .bertq file says of its model beside the arrays and the small files: its notes "recipe"
// and "model".
#pragma once

#include <cstddef>
#include <string>

#include "engine/model/config.h"
#include "engine/model/model.h"
#include "engine/model/tensor_source.h"
#include "engine/precision/recipe.h"
#include "engine/quantized/layer_form.h"
#include "loaders/checkpoint.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine {

inline constexpr std::string_view recipe_note = "recipe";    // as Recipe::to_json writes it
inline constexpr std::string_view model_note = "model";      // JSON, the rest of PackedFacts
inline constexpr std::string_view program_note = "program";  // the version of bertq that wrote it

struct PackedFacts {
  Recipe recipe;
  std::string program;                // the version of bertq that wrote it
  std::string source, source_format;  // the checkpoint that it was made from, for people
  jit::Activation activation = jit::Activation::gelu_erf;  // settled when it was packed
  std::string activation_reason;
  tokenizer::Tokenizer::Overrides tokenizer;  // what the user asked for when it was packed
  Heads heads;
  std::size_t labels = 0;  // of the classifier
  bool has_segments = false;
  ModelForm form;  // of another arithmetic than bertq's own
};

// Throws Error (input), naming file and key.
PackedFacts read_packed_facts(const loaders::Checkpoint& checkpoint);
// The note "model".
std::string model_note_json(const PackedFacts& facts);

// The names and sizes of a packed model's tensors, of which no element can be read.
class PackedSource final : public TensorSource {
 public:
  explicit PackedSource(const PackedFacts& facts) : facts_(facts) {}
  bool has(std::string_view name) const override;
  std::size_t rows(std::string_view name) const override;
  void read(std::string_view name, std::uint64_t first, std::span<float> out) const override;

 private:
  const PackedFacts& facts_;
};

}  // namespace bertq::engine
