#include "engine/quantized/stored_q8bert.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string>

#include "bertq/error.h"
#include "engine/model/tensor_names.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

namespace names = quantized_names;

constexpr float most = 127.0F;

struct KeyRow {
  std::string_view module_end, key;
};
// The first that fits decides: attention.output.dense also ends with output.dense.
constexpr std::array<KeyRow, 12> keys{{
    {"embeddings.word_embeddings", "word_embeddings"},
    {"embeddings.position_embeddings", "position_embeddings"},
    {"embeddings.token_type_embeddings", "token_type_embeddings"},
    {"attention.self.query", "attention_query"},
    {"attention.self.key", "attention_key"},
    {"attention.self.value", "attention_value"},
    {"attention.output.dense", "attention_output"},
    {"intermediate.dense", "ffn_intermediate"},
    {"output.dense", "ffn_output"},
    {"pooler.dense", "pooler"},
    {"classifier", "head"},
    {"qa_outputs", "head"},
}};

Arithmetic arithmetic_of(Q8BertLayer::Mode mode) {
  switch (mode) {
    case Q8BertLayer::Mode::ema:
      return Arithmetic::q8bert_ema;
    case Q8BertLayer::Mode::dynamic:
      return Arithmetic::q8bert_dynamic;
    case Q8BertLayer::Mode::none:
      break;
  }
  return Arithmetic::fp32;
}

class Q8BertState {
 public:
  Q8BertState(const loaders::Checkpoint& checkpoint, const std::vector<NamedTensor>& tensors)
      : checkpoint_(checkpoint), index_(index_of(tensors)) {}

  bool has(std::string_view name) const { return index_.contains(name); }

  // 127 / threshold. A layer that was never trained has 0.
  float scale(const std::string& name) const {
    const auto tensor = index_.find(name);
    if (tensor == index_.end()) fail(name, std::string("expected a threshold, found none"));
    const auto threshold = static_cast<float>(numbers_.read(*tensor->second));
    const float multiplier = most / threshold;
    if (!(threshold > 0.0F) || !std::isnormal(threshold) || !std::isnormal(multiplier)) {
      fail(name, std::string("expected a threshold above 0, as training leaves it, got ") +
                     std::to_string(threshold));
    }
    return multiplier;
  }

  // The config and the file must agree on which weights are integers.
  void check_form(const std::string& module, Arithmetic arithmetic, bool integers_expected) const {
    const std::string integers = name_of(module, names::q8bert_weight);
    if (arithmetic == Arithmetic::fp32 && has(integers)) {
      fail(integers, std::string(q8bert_key(module)) +
                         " in config.json: expected float weights, got integers");
    }
    if (arithmetic != Arithmetic::fp32 && integers_expected && !has(integers)) {
      fail(integers,
           std::string(q8bert_key(module)) + " in config.json: expected integers, found none");
    }
  }

 private:
  [[noreturn]] void fail(const std::string& name, const std::string& what) const {
    throw Error(ErrorKind::input,
                checkpoint_.name + ": tensor " + loaders::printable(name) + ": " + what);
  }

  const loaders::Checkpoint& checkpoint_;
  const TensorIndex index_;
  mutable NumberReader numbers_;
};

// The modules that are there, whichever form they are in.
std::set<std::string> modules_in(const std::vector<NamedTensor>& tensors) {
  std::set<std::string> modules;
  for (const NamedTensor& named : tensors) {
    for (const std::string_view weight : {std::string_view(".weight"), names::q8bert_weight}) {
      if (!named.name.ends_with(weight)) continue;
      modules.insert(named.name.substr(0, named.name.size() - weight.size()));
    }
  }
  return modules;
}

}  // namespace

std::string_view q8bert_key(std::string_view module) {
  const auto row = std::find_if(keys.begin(), keys.end(), [&](const KeyRow& known) {
    return module.ends_with(known.module_end);
  });
  return row == keys.end() ? std::string_view() : row->key;
}

StoredQuantization stored_q8bert(const loaders::Checkpoint& checkpoint,
                                 const std::vector<NamedTensor>& tensors,
                                 const ModelConfig& config) {
  if (config.q8bert.empty()) {
    throw Error(ErrorKind::input,
                checkpoint.name +
                    ": expected Q8BERT's keys (attention_query, ...) in config.json "
                    "beside its tensors, found none");
  }
  const Q8BertState state(checkpoint, tensors);
  const bool integers = std::any_of(tensors.begin(), tensors.end(), [](const NamedTensor& named) {
    return named.name.ends_with(names::q8bert_weight);
  });
  StoredQuantization stored;
  stored.quantizer = Quantizer::q8bert;
  for (const std::string& module : modules_in(tensors)) {
    const auto choice = config.q8bert.find(q8bert_key(module));
    if (choice == config.q8bert.end()) continue;
    StoredLayer layer;
    layer.arithmetic = arithmetic_of(choice->second.mode);
    state.check_form(module, layer.arithmetic, integers);
    if (layer.arithmetic == Arithmetic::fp32) continue;
    const bool table = module.find("embeddings") != std::string::npos;
    layer.requantized = !table && choice->second.requantize_output;
    if (layer.arithmetic == Arithmetic::q8bert_ema && !table) {
      layer.ranges.input_scale = state.scale(name_of(module, names::q8bert_input));
      if (layer.requantized) {
        layer.ranges.output_scale = state.scale(name_of(module, names::q8bert_output));
      }
    }
    stored.layers.emplace(module, layer);
  }
  return stored;
}

}  // namespace bertq::engine
