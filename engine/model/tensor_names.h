// What the tensors of a BERT checkpoint are called and what shapes they must have: the one place
// that knows, for the weights and for `inspect`.
//
// Source: the parameter names of Hugging Face's BertModel, BertForSequenceClassification and
// BertForQuestionAnswering, and the older spellings that published files still hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/config.h"
#include "engine/model/model.h"
#include "engine/quantized/canonical_tensors.h"
#include "loaders/checkpoint.h"

namespace bertq::engine {

enum class Part : std::uint8_t { embeddings, encoder, pooler, classifier, span };
std::string_view part_name(Part part);
std::span<const Part> all_parts();

enum class Role : std::uint8_t {
  table,   // rows looked up by id
  linear,  // the weight of a linear layer, [out][in]
  vector   // biases and LayerNorm
};

// A size that the checkpoint decides: the number of labels where the config names none.
inline constexpr std::uint64_t any_size = std::numeric_limits<std::uint64_t>::max();

struct ExpectedTensor {
  std::string name;  // canonical
  Part part = Part::embeddings;
  Role role = Role::vector;
  std::vector<std::uint64_t> shape;  // any_size where the file decides
  // A checkpoint may lack the segment table, the pooler and each head, but only as a whole.
  bool optional = false;
};

// The name that a tensor goes by in the engine and in recipes: "bert.encoder.layer.0.output.dense.
// weight". Strips what training wraps around a model ("module.",
// "state_dict."), adds a missing "bert.", and spells LayerNorm's gamma and beta weight
// and bias. Names that are not BERT's come back as they are.
std::string canonical_name(std::string_view name);
// The same of a checkpoint's tensor: TensorFlow has names of its own.
std::string canonical_name(const loaders::Checkpoint& checkpoint, const loaders::Tensor& tensor);

// The module that a canonical name belongs to, as recipes spell it: all before the last dot.
std::string_view module_of(std::string_view canonical);

// True for what published files hold beside the model itself: the id buffers of the embeddings, and
// everything that is not under "bert." and not a head of ours (the pre-training heads "cls.*").
bool is_ignored(std::string_view canonical);

// Where a canonical name belongs; empty if it is ignored, or under "bert." but in no part.
std::optional<Part> part_of(std::string_view canonical);

// Every tensor that a checkpoint of these dimensions may hold, in the order of the forward pass.
std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config);

// A checkpoint's tensors by canonical name, each as [out][in] whatever the format's own order;
// absent optional ones are absent. Views into the checkpoint's files.
using BertTensors = std::map<std::string, loaders::Tensor, std::less<>>;

// All tensors by canonical name and as [out][in], also what is ignored; quantised ones as their
// file has them (engine/quantized/).
std::vector<NamedTensor> named_tensors(const loaders::Checkpoint& checkpoint);

// Finds every expected tensor; quantised ones as their integers with scales. Throws Error (input),
// naming file and tensor, for one that is missing, has another shape or is not of a float type, for
// two of the same canonical name, for tensors under "bert." that the config has no place for (more
// layers than it says), for views that show an element several times, and for an ignored name that
// is nearly that of an optional tensor which is missing.
BertTensors find_tensors(const loaders::Checkpoint& checkpoint, const ModelConfig& config);

// A classifier needs the pooler: without one it is a head for tokens, which bertq does not have.
Heads heads_in(const BertTensors& tensors);

// "[30522, 384]", with "any" for any_size.
std::string shape_text(const std::vector<std::uint64_t>& shape);

}  // namespace bertq::engine
