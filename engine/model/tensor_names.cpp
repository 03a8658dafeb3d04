#include "engine/model/tensor_names.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "bertq/error.h"
#include "engine/model/misspelt_name.h"
#include "engine/model/tensorflow_names.h"
#include "loaders/printable.h"
#include "loaders/tensorflow_checkpoint.h"

namespace bertq::engine {
namespace {

struct PartRow {
  Part part;
  std::string_view name, prefix;
};
// In the order of the enumeration.
constexpr std::array<PartRow, 5> parts{{
    {Part::embeddings, "embeddings", "bert.embeddings."},
    {Part::encoder, "encoder", "bert.encoder."},
    {Part::pooler, "pooler", "bert.pooler."},
    {Part::classifier, "classifier", "classifier."},
    {Part::span, "span", "qa_outputs."},
}};

// Constants that PyTorch keeps with the embeddings.
bool is_id_buffer(std::string_view canonical) {
  return canonical == "bert.embeddings.position_ids" ||
         canonical == "bert.embeddings.token_type_ids";
}

[[noreturn]] void fail(const std::string& file, std::string_view tensor, const std::string& what) {
  throw Error(ErrorKind::input, file + ": tensor " + loaders::printable(tensor) + ": " + what);
}

void replace_suffix(std::string& name, std::string_view from, std::string_view to) {
  if (name.ends_with(from)) name.replace(name.size() - from.size(), from.size(), to);
}

// Adds tensors in order; a linear layer and a LayerNorm are always a weight and a bias.
class TensorList {
 public:
  void begin(Part part, bool optional) {
    part_ = part;
    optional_ = optional;
  }
  void table(const std::string& module, std::uint64_t rows, std::uint64_t columns, bool optional) {
    add({module + ".weight", part_, Role::table, {rows, columns}, optional});
  }
  void linear(const std::string& module, std::uint64_t outputs, std::uint64_t inputs) {
    add({module + ".weight", part_, Role::linear, {outputs, inputs}, optional_});
    add({module + ".bias", part_, Role::vector, {outputs}, optional_});
  }
  void layer_norm(const std::string& module, std::uint64_t width) {
    add({module + ".weight", part_, Role::vector, {width}, optional_});
    add({module + ".bias", part_, Role::vector, {width}, optional_});
  }
  std::vector<ExpectedTensor> take() { return std::move(tensors_); }

 private:
  void add(ExpectedTensor tensor) { tensors_.push_back(std::move(tensor)); }

  std::vector<ExpectedTensor> tensors_;
  Part part_ = Part::embeddings;
  bool optional_ = false;
};

void add_layer(TensorList& list, const ModelConfig& config, std::size_t layer) {
  const std::string prefix = "bert.encoder.layer." + std::to_string(layer) + ".";
  list.linear(prefix + "attention.self.query", config.hidden, config.hidden);
  list.linear(prefix + "attention.self.key", config.hidden, config.hidden);
  list.linear(prefix + "attention.self.value", config.hidden, config.hidden);
  list.linear(prefix + "attention.output.dense", config.hidden, config.hidden);
  list.layer_norm(prefix + "attention.output.LayerNorm", config.hidden);
  list.linear(prefix + "intermediate.dense", config.intermediate, config.hidden);
  list.linear(prefix + "output.dense", config.hidden, config.intermediate);
  list.layer_norm(prefix + "output.LayerNorm", config.hidden);
}

void check(const ExpectedTensor& expected, const loaders::Tensor& got) {
  if (!got.is_real()) {
    fail(got.file(), got.name,
         "expected a float type, got " + std::string(loaders::dtype_name(got.dtype)));
  }
  if (expected.shape != got.shape) {
    const bool turned = !got.strides.empty();  // not as the file has it
    fail(got.file(), got.name,
         "expected shape " + shape_text(expected.shape) +
             (turned ? " as [outputs, inputs], got " : ", got ") + shape_text(got.shape));
  }
  // Nobody trains a view that shows an element several times: a stride is damaged.
  const auto extent = loaders::element_extent(got.shape, got.strides);
  if (!extent || *extent < got.elements) {
    fail(got.file(), got.name,
         "expected " + std::to_string(got.elements) + " elements of its own, got a view of " +
             std::to_string(extent.value_or(0)));
  }
}

// Puts the checkpoint's own number of labels where the config names none.
void settle_labels(std::vector<ExpectedTensor>& expected, const BertTensors& tensors) {
  const auto head = tensors.find("classifier.weight");
  if (head == tensors.end()) return;
  const std::vector<std::uint64_t>& shape = head->second.shape;
  if (shape.size() != 2 || shape.front() == 0) return;
  for (ExpectedTensor& tensor : expected) {
    std::replace(tensor.shape.begin(), tensor.shape.end(), any_size, shape.front());
  }
}

bool is_tensorflow(const loaders::Checkpoint& checkpoint) {
  return checkpoint.format == loaders::tensorflow_format;
}

// [out][in] whatever the format's own order.
loaders::Tensor in_engine_order(const loaders::Checkpoint& checkpoint,
                                const loaders::Tensor& tensor) {
  const bool turn = is_tensorflow(checkpoint) && from_tensorflow(tensor.name).transposed;
  return turn ? loaders::transposed(tensor) : tensor;
}

BertTensors by_canonical_name(const std::vector<NamedTensor>& named) {
  BertTensors tensors;
  for (const auto& [canonical, tensor] : named) {
    if (is_ignored(canonical)) continue;
    const auto [other, fresh] = tensors.emplace(canonical, tensor);
    if (!fresh) {
      fail(tensor.file(), tensor.name,
           "the same tensor as " + loaders::printable(other->second.name));
    }
  }
  return tensors;
}

// Scripts put a model's state into a dict of their own, frameworks put the model into another.
std::string_view without_wrappers(std::string_view name) {
  constexpr std::array<std::string_view, 4> wrappers{"state_dict.", "model_state_dict.", "module.",
                                                     "model."};
  while (true) {
    const auto wrapper =
        std::find_if(wrappers.begin(), wrappers.end(),
                     [&](std::string_view known) { return name.starts_with(known); });
    if (wrapper == wrappers.end()) return name;
    name.remove_prefix(wrapper->size());
  }
}

// An optional part that is there at all must be there whole.
std::set<Part> parts_present(const std::vector<ExpectedTensor>& expected,
                             const BertTensors& tensors) {
  std::set<Part> present;
  for (const ExpectedTensor& tensor : expected) {
    if (tensors.contains(tensor.name)) present.insert(tensor.part);
  }
  return present;
}

}  // namespace

std::string_view part_name(Part part) {
  return parts[static_cast<std::size_t>(part)].name;
}

std::span<const Part> all_parts() {
  static constexpr std::array<Part, parts.size()> all{Part::embeddings, Part::encoder, Part::pooler,
                                                      Part::classifier, Part::span};
  return all;
}

std::string canonical_name(std::string_view name) {
  constexpr std::array<std::string_view, 3> bare_parts{"embeddings.", "encoder.", "pooler."};
  name = without_wrappers(name);
  std::string canonical(name);
  if (std::any_of(bare_parts.begin(), bare_parts.end(),
                  [&](std::string_view part) { return name.starts_with(part); })) {
    canonical.insert(0, "bert.");
  }
  replace_suffix(canonical, ".LayerNorm.gamma", ".LayerNorm.weight");
  replace_suffix(canonical, ".LayerNorm.beta", ".LayerNorm.bias");
  return canonical;
}

std::string canonical_name(const loaders::Checkpoint& checkpoint, const loaders::Tensor& tensor) {
  return canonical_name(is_tensorflow(checkpoint) ? from_tensorflow(tensor.name).canonical
                                                  : tensor.name);
}

std::string_view module_of(std::string_view canonical) {
  return canonical.substr(0, std::min(canonical.rfind('.'), canonical.size()));
}

bool is_ignored(std::string_view canonical) {
  return is_id_buffer(canonical) || (!canonical.starts_with("bert.") && !part_of(canonical));
}

std::optional<Part> part_of(std::string_view canonical) {
  const auto row = std::find_if(parts.begin(), parts.end(), [&](const PartRow& known) {
    return canonical.starts_with(known.prefix);
  });
  if (row == parts.end() || is_id_buffer(canonical)) return std::nullopt;
  return row->part;
}

std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config) {
  TensorList list;
  list.begin(Part::embeddings, false);
  const std::string embeddings = "bert.embeddings.";
  list.table(embeddings + "word_embeddings", config.vocabulary, config.hidden, false);
  list.table(embeddings + "position_embeddings", config.positions, config.hidden, false);
  list.table(embeddings + "token_type_embeddings", config.segments, config.hidden, true);
  list.layer_norm(embeddings + "LayerNorm", config.hidden);
  list.begin(Part::encoder, false);
  for (std::size_t layer = 0; layer < config.layers; ++layer) add_layer(list, config, layer);
  list.begin(Part::pooler, true);
  list.linear("bert.pooler.dense", config.hidden, config.hidden);
  list.begin(Part::classifier, true);
  list.linear("classifier", config.labels.empty() ? any_size : config.labels.size(), config.hidden);
  list.begin(Part::span, true);
  list.linear("qa_outputs", span_logits, config.hidden);
  return list.take();
}

std::vector<NamedTensor> named_tensors(const loaders::Checkpoint& checkpoint) {
  std::vector<NamedTensor> tensors;
  tensors.reserve(checkpoint.tensors.size());
  for (const loaders::Tensor& tensor : checkpoint.tensors) {
    tensors.push_back({canonical_name(checkpoint, tensor), in_engine_order(checkpoint, tensor)});
  }
  return tensors;
}

BertTensors find_tensors(const loaders::Checkpoint& checkpoint, const ModelConfig& config) {
  const std::vector<NamedTensor> named = without_quantization(named_tensors(checkpoint));
  const BertTensors all = by_canonical_name(named);
  std::vector<ExpectedTensor> expected = expected_tensors(config);
  settle_labels(expected, all);
  const std::set<Part> present = parts_present(expected, all);
  BertTensors found;
  for (const ExpectedTensor& tensor : expected) {
    const auto entry = all.find(tensor.name);
    if (entry != all.end()) {
      check(tensor, entry->second);
      found.emplace(*entry);
    } else if (!tensor.optional ||
               (tensor.part != Part::embeddings && present.contains(tensor.part))) {
      fail(checkpoint.name, tensor.name,
           "expected shape " + shape_text(tensor.shape) + ", found no such tensor");
    } else {
      refuse_misspelt(checkpoint, named, tensor);
    }
  }
  for (const auto& [name, tensor] : all) {
    if (found.contains(name)) continue;
    fail(tensor.file(), tensor.name,
         "expected no such tensor in a model of " + std::to_string(config.layers) + " layers");
  }
  return found;
}

Heads heads_in(const BertTensors& tensors) {
  Heads heads;
  heads.pooler = tensors.contains("bert.pooler.dense.weight");
  heads.classifier = heads.pooler && tensors.contains("classifier.weight");
  heads.span = tensors.contains("qa_outputs.weight");
  return heads;
}

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  std::string text = "[";
  for (const std::uint64_t size : shape) {
    if (text.size() > 1) text += ", ";
    text += size == any_size ? "any" : std::to_string(size);
  }
  return text + "]";
}

}  // namespace bertq::engine
