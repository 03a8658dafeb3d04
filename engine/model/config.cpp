#include "engine/model/config.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <utility>

#include "bertq/error.h"
#include "engine/model/json_fields.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

using Json = nlohmann::json;

// Far above any BERT that exists, and low enough that no size computed from them can overflow.
// Widths are bounded by the exact int32 sums of the integer kernels (jit/gemm.h).
constexpr std::size_t most_width = 65'536;
constexpr std::size_t most_layers = 1'000;
constexpr std::size_t most_rows = 16'777'216;
constexpr std::size_t most_positions = 1'048'576;
constexpr std::size_t most_segments = 1'024;
constexpr std::size_t most_labels = 65'536;

struct ActivationName {
  std::string_view name;
  jit::Activation activation;
};
// Hugging Face's names.
constexpr std::array<ActivationName, 5> activations{{
    {"gelu_python", jit::Activation::gelu_erf},
    {"gelu_new", jit::Activation::gelu_tanh},
    {"gelu_fast", jit::Activation::gelu_tanh},
    {"gelu_pytorch_tanh", jit::Activation::gelu_tanh},
    {"relu", jit::Activation::relu},
}};

[[noreturn]] void fail(const JsonFields& fields, const std::string& what) {
  throw Error(ErrorKind::input, fields.name() + ": " + what);
}

// RoBERTa, ELECTRA and DistilBERT have tensor names so alike that they would load and be wrong.
// google-research's bert_config.json says no model_type, but has keys of its own.
void check_is_bert(const JsonFields& fields) {
  constexpr std::array<std::string_view, 3> google_keys{"type_vocab_size", "hidden_act",
                                                        "max_position_embeddings"};
  if (fields.has("model_type")) {
    if (fields.text("model_type", "") != "bert") fields.refuse("model_type", "\"bert\"");
    return;
  }
  for (const std::string_view key : google_keys) {
    if (!fields.has(key)) {
      fail(fields,
           "expected model_type \"bert\", or the keys of google-research's "
           "bert_config.json, found neither model_type nor " +
               std::string(key));
    }
  }
}

// What changes the model in ways that bertq does not compute.
void check_is_plain_encoder(const JsonFields& fields) {
  for (const std::string_view key : {"is_decoder", "is_encoder_decoder", "add_cross_attention"}) {
    if (fields.flag(key, false)) fields.refuse(key, "false, of an encoder");
  }
  if (fields.text("position_embedding_type", "absolute") != "absolute") {
    fields.refuse("position_embedding_type", "\"absolute\"");
  }
  if (fields.has("quantization_config")) {
    fields.refuse("quantization_config", "none: a checkpoint that is not quantised");
  }
  const Json* pruned = fields.find("pruned_heads");
  if (pruned != nullptr && !pruned->empty()) fields.refuse("pruned_heads", "none");
}

// What "gelu" means, see config.h.
void set_gelu(const JsonFields& fields, Lineage lineage, ModelConfig& config) {
  if (fields.has("model_type")) {
    config.activation = jit::Activation::gelu_erf;
    config.activation_reason = "hidden_act \"gelu\" in a config of Hugging Face";
  } else if (lineage == Lineage::google) {
    config.activation = jit::Activation::gelu_tanh;
    config.activation_reason = "hidden_act \"gelu\" of google-research's TensorFlow weights";
  } else {
    config.activation = jit::Activation::gelu_erf;
    config.activation_reason = "hidden_act \"gelu\" of weights that are not TensorFlow's";
  }
}

void set_activation(const JsonFields& fields, Lineage lineage, ModelConfig& config) {
  constexpr std::string_view ambiguous = "gelu";
  const std::string name = fields.text("hidden_act", ambiguous);
  if (name == ambiguous) return set_gelu(fields, lineage, config);
  std::string known;
  for (const ActivationName& row : activations) {
    if (row.name == name) {
      config.activation = row.activation;
      config.activation_reason = "hidden_act \"" + name + '"';
      return;
    }
    known += ", " + std::string(row.name);
  }
  fields.refuse("hidden_act", "one of gelu" + known);
}

float epsilon_of(const JsonFields& fields) {
  const double epsilon = fields.number("layer_norm_eps", 1e-12);
  const bool usable = epsilon >= std::numeric_limits<float>::min() && epsilon < 1.0;
  if (!usable) fields.refuse("layer_norm_eps", "a number above 0 and below 1");
  return static_cast<float>(epsilon);
}

std::size_t index_of(const JsonFields& labels, const std::string& key, std::size_t count) {
  const bool digits =
      !key.empty() && key.size() <= 6 && key.find_first_not_of("0123456789") == std::string::npos;
  const std::size_t index = digits ? std::stoul(key) : count;
  if (index >= count || std::to_string(index) != key) {
    labels.refuse(key, "keys \"0\" to \"" + std::to_string(count - 1) + "\"");
  }
  return index;
}

std::vector<std::string> labels_by_id(const JsonFields& fields, const Json& table) {
  const JsonFields labels(table, fields.name() + ": id2label");
  std::vector<std::string> names(table.size());
  for (const auto& [key, name] : table.items()) {
    if (!name.is_string()) labels.refuse(key, "a string");
    names[index_of(labels, key, names.size())] = name.get<std::string>();
  }
  return names;
}

std::vector<std::string> labels_by_name(const JsonFields& fields, const Json& table) {
  const JsonFields labels(table, fields.name() + ": label2id");
  std::map<std::size_t, std::string> names;
  for (const auto& [name, id] : table.items()) {
    if (!names.emplace(labels.natural(name, 0, table.size() - 1), name).second) {
      labels.refuse(name, "an id of its own");
    }
  }
  std::vector<std::string> ordered;
  for (auto& [id, name] : names) ordered.push_back(std::move(name));
  return ordered;
}

// id2label decides; label2id serves where it is alone, since many published files keep its default
// beside names of their own in id2label.
std::vector<std::string> labels_of(const JsonFields& fields) {
  const std::size_t count = fields.natural("num_labels", 1, most_labels, 0);
  const Json* by_id = fields.find("id2label");
  const Json* by_name = fields.find("label2id");
  std::vector<std::string> labels;
  if (by_id != nullptr) {
    labels = labels_by_id(fields, *by_id);
  } else if (by_name != nullptr) {
    labels = labels_by_name(fields, *by_name);
  } else {
    for (std::size_t i = 0; i < count; ++i) labels.push_back("LABEL_" + std::to_string(i));
  }
  if (labels.size() > most_labels) {
    fail(fields, "id2label: expected at most " + std::to_string(most_labels) + " labels, got " +
                     std::to_string(labels.size()));
  }
  if (count != 0 && count != labels.size()) {
    fields.refuse("num_labels", std::to_string(labels.size()) + ", as many as the named labels");
  }
  return labels;
}

bool is_regression(const JsonFields& fields, const std::vector<std::string>& labels) {
  const std::string problem = fields.text("problem_type", "");
  if (problem != "regression") {
    if (!problem.empty() && problem != "single_label_classification") {
      fields.refuse("problem_type", "\"single_label_classification\" or \"regression\"");
    }
    return labels.size() == 1;
  }
  if (labels.size() > 1) {
    fields.refuse("problem_type",
                  "classification with " + std::to_string(labels.size()) + " labels");
  }
  return true;
}

// Q8BERT's dicts, one for each kind of layer. Its training knows other widths than 8 bits.
std::map<std::string, Q8BertLayer, std::less<>> q8bert_layers(const JsonFields& fields) {
  using Mode = Q8BertLayer::Mode;
  constexpr std::array<std::string_view, 11> layers{"word_embeddings",
                                                    "position_embeddings",
                                                    "token_type_embeddings",
                                                    "attention_query",
                                                    "attention_key",
                                                    "attention_value",
                                                    "attention_output",
                                                    "ffn_intermediate",
                                                    "ffn_output",
                                                    "pooler",
                                                    "head"};
  std::map<std::string, Q8BertLayer, std::less<>> found;
  for (const std::string_view key : layers) {
    const Json* json = fields.find(key);
    if (json == nullptr || !json->is_object()) continue;
    const JsonFields layer(*json, fields.name() + ": " + std::string(key));
    const std::string mode = layer.text("mode", "none");
    if (mode != "none" && mode != "dynamic" && mode != "ema") {
      layer.refuse("mode", "\"none\", \"dynamic\" or \"ema\"");
    }
    Q8BertLayer choice;
    choice.mode = mode == "ema" ? Mode::ema : mode == "dynamic" ? Mode::dynamic : Mode::none;
    choice.requantize_output = layer.flag("requantize_output", true);
    for (const std::string_view bits : {"activation_bits", "weight_bits"}) {
      if (choice.mode != Mode::none && layer.natural(bits, 1, 64, 8) != 8) layer.refuse(bits, "8");
    }
    found.emplace(key, choice);
  }
  return found;
}

}  // namespace

ModelConfig parse_config(std::string_view json, const std::string& name, Lineage lineage) {
  const Json document = parse_json_file(json, name);
  const JsonFields fields(document, name);
  check_is_bert(fields);
  check_is_plain_encoder(fields);
  ModelConfig config;
  config.hidden = fields.natural("hidden_size", 1, most_width);
  config.layers = fields.natural("num_hidden_layers", 1, most_layers);
  config.heads = fields.natural("num_attention_heads", 1, most_width);
  config.intermediate = fields.natural("intermediate_size", 1, most_width);
  config.vocabulary = fields.natural("vocab_size", 1, most_rows);
  config.positions = fields.natural("max_position_embeddings", 1, most_positions);
  config.segments = fields.natural("type_vocab_size", 1, most_segments, 2);
  if (config.hidden % config.heads != 0) {
    fields.refuse("num_attention_heads",
                  "a divisor of hidden_size " + std::to_string(config.hidden));
  }
  config.layer_norm_epsilon = epsilon_of(fields);
  set_activation(fields, lineage, config);
  config.labels = labels_of(fields);
  config.regression = is_regression(fields, config.labels);
  config.q8bert = q8bert_layers(fields);
  return config;
}

ModelConfig named_config(std::string_view name) {
  struct Shape {
    std::string_view name;
    std::size_t hidden, layers, heads, intermediate;
  };
  constexpr std::array<Shape, 2> shapes{
      {{"bert-base", 768, 12, 12, 3072}, {"bert-large", 1024, 24, 16, 4096}}};
  const auto shape = std::find_if(shapes.begin(), shapes.end(),
                                  [&](const Shape& known) { return known.name == name; });
  if (shape == shapes.end()) {
    throw Error(ErrorKind::usage,
                "expected bert-base or bert-large, got '" + loaders::printable(name) + "'");
  }
  ModelConfig config;
  config.hidden = shape->hidden;
  config.layers = shape->layers;
  config.heads = shape->heads;
  config.intermediate = shape->intermediate;
  config.vocabulary = 30'522;  // of the uncased models
  config.positions = 512;
  config.segments = 2;
  config.layer_norm_epsilon = 1e-12F;
  return config;
}

}  // namespace bertq::engine
