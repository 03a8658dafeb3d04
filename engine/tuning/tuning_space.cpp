#include "engine/tuning/tuning_space.h"

#include <algorithm>
#include <array>

#include "bertq/error.h"
#include "engine/model/encoder_layer.h"
#include "engine/tuning/operation_names.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

using Strings = std::vector<std::string>;

constexpr std::string_view bf16_dtype = "bf16";

// LPOT's PyTorch calls the search for the least squared error in a histogram "kl".
RangeAlgorithm algorithm_named(const std::string& name, Dialect dialect) {
  if (dialect == Dialect::pytorch && name == "kl") return RangeAlgorithm::histogram;
  return find_algorithm(name).value_or(RangeAlgorithm::minmax);
}

bool contains(const Strings& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

void restrict_list(const Strings& user, Strings& capability) {
  Strings both;
  std::copy_if(user.begin(), user.end(), std::back_inserter(both),
               [&](const std::string& value) { return contains(capability, value); });
  if (!both.empty()) capability = std::move(both);
}

void restrict_values(const ValueLists& user, ValueLists& capability) {
  restrict_list(user.dtype, capability.dtype);
  restrict_list(user.scheme, capability.scheme);
  restrict_list(user.granularity, capability.granularity);
  restrict_list(user.algorithm, capability.algorithm);
}

// One combination of a list's values, by name.
struct Values {
  std::string dtype, scheme, granularity, algorithm;
};

std::vector<Values> combinations(const ValueLists& lists) {
  std::vector<Values> all;
  for (const std::string& dtype : lists.dtype) {
    for (const std::string& scheme : lists.scheme) {
      for (const std::string& granularity : lists.granularity) {
        for (const std::string& algorithm : lists.algorithm) {
          all.push_back({dtype, scheme, granularity, algorithm});
        }
      }
    }
  }
  return all;
}

Precision precision_of(const std::string& dtype) {
  if (dtype == "int8" || dtype == "uint8") return Precision::int8;
  return dtype == bf16_dtype ? Precision::bf16 : Precision::fp32;
}

// What restrictions may name on any machine, before FP32, which costs more.
void add_bf16(OperationLists& lists) {
  for (Strings* dtypes : {&lists.weight.dtype, &lists.activation.dtype}) {
    if (contains(*dtypes, bf16_dtype)) continue;
    dtypes->emplace(std::find(dtypes->begin(), dtypes->end(), "fp32"), bf16_dtype);
  }
}

bool names_bf16(const OperationLists& lists) {
  return contains(lists.weight.dtype, bf16_dtype) || contains(lists.activation.dtype, bf16_dtype);
}

LayerOption make_option(const Values& weight, const Values& activation, Dialect dialect) {
  LayerOption option;
  option.weights =
      weight.granularity == "per_tensor" ? Granularity::per_tensor : Granularity::per_channel;
  if (activation.granularity == "per_token") return option;
  option.activations = Ranges::fixed;
  option.scheme = activation.scheme == "sym" ? Scheme::symmetric : Scheme::asymmetric;
  option.algorithm = algorithm_named(activation.algorithm, dialect);
  return option;
}

// Granularity "per_token" of activations stands for dynamic ranges.
OperationLists linear_capability(Dialect dialect, Approach approach) {
  OperationLists lists;
  lists.weight = {{"int8", "fp32"}, {"sym"}, {"per_channel"}, {"minmax"}};
  lists.activation = {{"uint8", "fp32"}, {"asym", "sym"}, {"per_tensor"}, {"kl", "minmax"}};
  if (dialect == Dialect::tensorflow) {
    lists.weight.granularity = {"per_tensor"};
    lists.activation.scheme = {"asym"};
    lists.activation.algorithm = {"minmax"};
  }
  if (dialect == Dialect::bertq) {
    lists.weight.granularity = {"per_channel", "per_tensor"};
    lists.activation.granularity = {"per_tensor", "per_token"};
    lists.activation.algorithm = {"minmax", "percentile", "mse",
                                  "kl",     "histogram",  "moving_average"};
  }
  if (approach == Approach::dynamic_ranges) {
    lists.activation.granularity = {"per_token"};
  } else if (approach == Approach::static_ranges) {
    lists.activation.granularity = {"per_tensor"};
  }
  return lists;
}

// The products of attention have a scale a token and head, the table of words one a word.
OperationLists own_scales_capability() {
  OperationLists lists;
  lists.weight = {{"int8", "fp32"}, {"sym"}, {"per_channel"}, {"minmax"}};
  lists.activation = {{"uint8", "fp32"}, {"sym"}, {"per_token"}, {"minmax"}};
  return lists;
}

class SpaceMaker {
 public:
  SpaceMaker(const ModelConfig& config, const SpaceRequest& request)
      : config_(config), request_(request) {
    space_.linear = expand(model_wise(ModuleKind::linear), request.dialect);
    space_.attention = expand(model_wise(ModuleKind::attention), request.dialect);
    space_.embedding = expand(model_wise(ModuleKind::embedding), request.dialect);
    space_.sampling_sizes = request.sampling_sizes;
  }

  TuningSpace make(const Heads& heads) {
    add("bert.embeddings.word_embeddings", ModuleKind::embedding, config_.hidden);
    for (std::size_t layer = 0; layer < config_.layers; ++layer) add_layer(layer_prefix(layer));
    const auto hidden = config_.hidden;
    if (heads.classifier) {
      add("bert.pooler.dense", ModuleKind::head, hidden * hidden);
      add("classifier", ModuleKind::head, hidden * std::max<std::size_t>(config_.labels.size(), 1));
    }
    if (heads.span) add("qa_outputs", ModuleKind::head, hidden * span_logits);
    check_patterns();
    return std::move(space_);
  }

 private:
  OperationLists model_wise(ModuleKind kind) const {
    OperationLists lists = capability(request_.dialect, request_.approach, kind);
    const bool own_choice = request_.bf16 && request_.dialect == Dialect::bertq;
    if (own_choice || names_bf16(request_.model_wise.lists)) add_bf16(lists);
    restrict_lists(request_.model_wise.lists, lists);
    return lists;
  }

  void add_layer(const std::string& prefix) {
    const std::size_t hidden = config_.hidden, wide = config_.intermediate;
    for (const char* name : {"query", "key", "value"}) {
      add(prefix + "attention.self." + name, ModuleKind::linear, hidden * hidden);
    }
    constexpr std::size_t usual_length = 128;
    add(prefix + "attention.scores", ModuleKind::attention, hidden * usual_length);
    add(prefix + "attention.context", ModuleKind::attention, hidden * usual_length);
    add(prefix + "attention.output.dense", ModuleKind::linear, hidden * hidden);
    add(prefix + "intermediate.dense", ModuleKind::linear, hidden * wide);
    add(prefix + "output.dense", ModuleKind::linear, hidden * wide);
  }

  void add(const std::string& name, ModuleKind kind, std::size_t work) {
    OperationLists lists = model_wise(kind);
    for (std::size_t i = 0; i < request_.op_wise.size(); ++i) {
      if (!names_operation(request_.op_wise[i].pattern, name, request_.dialect)) continue;
      used_.resize(request_.op_wise.size());
      used_[i] = true;
      if (names_bf16(request_.op_wise[i].lists)) add_bf16(lists);
      restrict_lists(request_.op_wise[i].lists, lists);
    }
    space_.modules.push_back(
        {name, kind, static_cast<double>(work), expand(lists, request_.dialect)});
  }

  void check_patterns() {
    used_.resize(request_.op_wise.size());
    for (std::size_t i = 0; i < used_.size(); ++i) {
      if (used_[i]) continue;
      const Restriction& unused = request_.op_wise[i];
      throw Error(ErrorKind::input,
                  request_.source + ": line " + std::to_string(unused.line) +
                      ": op_wise: expected a name or pattern of operations of this model, got " +
                      loaders::printable(unused.pattern));
    }
  }

  const ModelConfig& config_;
  const SpaceRequest& request_;
  TuningSpace space_;
  std::vector<bool> used_;  // of each op-wise restriction
};

}  // namespace

std::string_view type_name(ModuleKind kind) {
  constexpr std::array<std::string_view, 4> names{"Linear", "Linear", "Attention", "Embedding"};
  return names.at(static_cast<std::size_t>(kind));
}

std::string option_text(const LayerOption& option) {
  if (!option.quantized()) return std::string(precision_name(option.precision));
  std::string text(precision_name(option.precision));
  if (option.activations == Ranges::fixed) {
    text += " static " + std::string(scheme_name(option.scheme)) + " " +
            std::string(algorithm_name(option.algorithm));
  } else {
    text += " dynamic";
  }
  return text + (option.weights == Granularity::per_tensor ? ", per-tensor weights" : "");
}

LayerChoice choice_of(const LayerOption& option) {
  LayerChoice choice;
  choice.precision = option.precision;
  if (!option.quantized()) return choice;
  choice.weights = option.weights;
  choice.activations = option.activations;
  choice.scheme = option.scheme;
  choice.algorithm = option.algorithm;
  return choice;
}

void restrict_lists(const OperationLists& user, OperationLists& capability) {
  restrict_values(user.weight, capability.weight);
  restrict_values(user.activation, capability.activation);
}

std::vector<LayerOption> expand(const OperationLists& lists, Dialect dialect) {
  std::vector<LayerOption> options;
  for (const Values& weight : combinations(lists.weight)) {
    for (const Values& activation : combinations(lists.activation)) {
      const Precision precision = precision_of(weight.dtype);
      if (precision != precision_of(activation.dtype)) continue;
      LayerOption option{.precision = precision};
      if (option.quantized()) option = make_option(weight, activation, dialect);
      if (std::find(options.begin(), options.end(), option) == options.end()) {
        options.push_back(option);
      }
    }
  }
  return options;
}

OperationLists capability(Dialect dialect, Approach approach, ModuleKind kind) {
  const bool linear = kind == ModuleKind::linear || kind == ModuleKind::head;
  return linear ? linear_capability(dialect, approach) : own_scales_capability();
}

const std::vector<LayerOption>& TuningSpace::model_wise(ModuleKind kind) const {
  if (kind == ModuleKind::attention) return attention;
  return kind == ModuleKind::embedding ? embedding : linear;
}

std::size_t TuningSpace::index_of(std::string_view module) const {
  const auto found = std::find_if(modules.begin(), modules.end(),
                                  [&](const TunableModule& known) { return known.name == module; });
  return static_cast<std::size_t>(std::distance(modules.begin(), found));
}

TuningSpace make_space(const ModelConfig& config, const Heads& heads, const SpaceRequest& request) {
  return SpaceMaker(config, request).make(heads);
}

std::string configuration_key(const Configuration& configuration) {
  std::string key;
  for (const std::uint16_t option : configuration.options) {
    if (!key.empty()) key += '.';
    key += std::to_string(option);
  }
  return key + '/' + std::to_string(configuration.sampling) + '/' +
         std::to_string(configuration.methods);
}

std::size_t option_in(const TunableModule& module, Precision precision) {
  const auto found =
      std::find_if(module.options.begin(), module.options.end(),
                   [&](const LayerOption& option) { return option.precision == precision; });
  return found == module.options.end()
             ? 0
             : static_cast<std::size_t>(std::distance(module.options.begin(), found));
}

bool has_option(const TunableModule& module, Precision precision) {
  return std::any_of(module.options.begin(), module.options.end(),
                     [&](const LayerOption& option) { return option.precision == precision; });
}

Recipe uncalibrated_recipe(const TuningSpace& space, const Configuration& configuration) {
  Recipe recipe = Recipe::uniform(Precision::fp32);
  for (std::size_t i = 0; i < space.modules.size(); ++i) {
    const TunableModule& module = space.modules[i];
    recipe.set(module.name, choice_of(module.options.at(configuration.options.at(i))));
  }
  return recipe;
}

}  // namespace bertq::engine
