#include "engine/tuning/lpot_settings.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "bertq/error.h"
#include "engine/tuning/operation_names.h"
#include "engine/tuning/yaml_fields.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

using Keys = std::span<const std::string_view>;

constexpr std::string_view root_keys[] = {"model",      "device",  "quantization",      "tuning",
                                          "evaluation", "pruning", "graph_optimization"};
constexpr std::string_view model_keys[] = {"name", "framework", "inputs", "outputs"};
constexpr std::string_view frameworks[] = {"pytorch", "tensorflow"};
constexpr std::string_view devices[] = {"cpu"};
constexpr std::string_view quantization_keys[] = {"approach", "advance",    "calibration",
                                                  "recipes",  "model_wise", "op_wise"};
constexpr std::string_view approaches[] = {"post_training_static_quant",
                                           "post_training_dynamic_quant"};
constexpr std::string_view advance_keys[] = {"bias_correction"};
constexpr std::string_view bias_corrections[] = {"weight_empirical"};
constexpr std::string_view calibration_keys[] = {"sampling_size", "dataloader"};
constexpr std::string_view recipe_keys[] = {"scale_propagation_max_pooling",
                                            "scale_propagation_concat",
                                            "first_conv_or_matmul_quantization"};
constexpr std::string_view part_keys[] = {"weight", "activation"};
constexpr std::string_view leaf_keys[] = {"dtype", "scheme", "granularity", "algorithm", "bit"};
constexpr std::string_view dtypes[] = {"int8", "uint8", "fp32", "bf16"};
constexpr std::string_view schemes[] = {"asym", "sym", "asym_float"};
constexpr std::string_view granularities[] = {"per_channel", "per_tensor"};
constexpr std::string_view algorithms[] = {"minmax", "kl"};
constexpr std::string_view tuning_keys[] = {"strategy",    "accuracy_criterion", "objective",
                                            "exit_policy", "random_seed",        "tensorboard",
                                            "workspace"};
constexpr std::string_view strategy_keys[] = {"name", "accuracy_weight", "latency_weight"};
constexpr std::string_view criterion_keys[] = {"relative", "absolute", "higher_is_better"};
constexpr std::string_view exit_keys[] = {"timeout", "max_trials", "performance_only"};
constexpr std::string_view workspace_keys[] = {"path", "resume"};
constexpr std::size_t most_samples = 10'000'000, most_sizes = 16, longest_timeout = 1'000'000'000;

class LpotReader {
 public:
  explicit LpotReader(const std::string& name) : fields_(name) { settings_.space.source = name; }

  LpotSettings read(const YAML::Node& root) {
    fields_.check_map(root, "the file", root_keys);
    if (!root.IsMap()) fields_.fail(root, "expected keys model, quantization, tuning");
    refuse(root["pruning"], "pruning: bertq does not prune");
    refuse(root["graph_optimization"], "graph_optimization: bertq has no graph to optimise");
    if (root["evaluation"].IsDefined()) {
      settings_.notes.push_back("evaluation: not used; the task says what is scored, and how");
    }
    read_model(root["model"], root);
    if (root["device"].IsDefined()) fields_.choice(root["device"], "device", devices);
    read_quantization(root["quantization"]);
    read_tuning(root["tuning"]);
    return std::move(settings_);
  }

 private:
  static bool given(const YAML::Node& node) { return node.IsDefined() && !node.IsNull(); }

  void refuse(const YAML::Node& node, const std::string& why) const {
    if (node.IsDefined()) fields_.fail(node, why);
  }

  void read_model(const YAML::Node& model, const YAML::Node& root) {
    if (!given(model)) fields_.fail(root, "\"model\" is missing");
    fields_.check_map(model, "model", model_keys);
    for (const char* key : {"name", "framework"}) {
      if (!given(model[key])) fields_.fail(model, std::string("model: \"") + key + "\" is missing");
    }
    settings_.model_name = fields_.text(model["name"], "model.name");
    settings_.framework = fields_.choice(model["framework"], "model.framework", frameworks);
    settings_.space.dialect =
        settings_.framework == "tensorflow" ? Dialect::tensorflow : Dialect::pytorch;
    if (given(model["inputs"])) settings_.inputs = fields_.list(model["inputs"], "model.inputs");
    if (given(model["outputs"])) {
      settings_.outputs = fields_.list(model["outputs"], "model.outputs");
    }
  }

  void read_quantization(const YAML::Node& node) {
    settings_.space.approach = Approach::static_ranges;
    settings_.space.sampling_sizes = {100};
    if (!given(node)) return;
    fields_.check_map(node, "quantization", quantization_keys);
    if (given(node["approach"])) {
      if (fields_.text(node["approach"], "approach") == "quant_aware_training") {
        fields_.fail(node["approach"],
                     "quantization.approach: quant_aware_training is training, which tuning is "
                     "not; expected one of post_training_static_quant, "
                     "post_training_dynamic_quant");
      }
      const std::string approach =
          fields_.choice(node["approach"], "quantization.approach", approaches);
      if (approach == approaches[1]) settings_.space.approach = Approach::dynamic_ranges;
    }
    read_calibration(node["calibration"]);
    read_advance(node["advance"]);
    fields_.check_map(node["recipes"], "quantization.recipes", recipe_keys);
    if (given(node["recipes"])) {
      settings_.notes.push_back("quantization.recipes: a BERT has no such operations");
    }
    if (given(node["model_wise"])) {
      settings_.space.model_wise = restriction(node["model_wise"], "quantization.model_wise");
    }
    read_op_wise(node["op_wise"]);
  }

  void read_calibration(const YAML::Node& node) {
    fields_.check_map(node, "quantization.calibration", calibration_keys);
    if (!given(node)) return;
    if (node["dataloader"].IsDefined()) {
      settings_.notes.push_back(
          "calibration.dataloader: not used; --calibration-data says where "
          "samples come from");
    }
    const YAML::Node sizes = node["sampling_size"];
    if (!given(sizes)) return;
    settings_.space.sampling_sizes.clear();
    for (const std::string& size : fields_.list(sizes, "sampling_size")) {
      const auto number = parse_tolerance(size);  // "100", as a number
      const bool whole = number && *number >= 1.0 && *number <= most_samples &&
                         *number == std::floor(*number) && size.back() != '%';
      if (!whole) {
        fields_.fail(sizes, "calibration.sampling_size: expected whole numbers from 1, got \"" +
                                loaders::printable(size) + "\"");
      }
      settings_.space.sampling_sizes.push_back(static_cast<std::size_t>(*number));
    }
    const std::size_t count = settings_.space.sampling_sizes.size();
    if (count == 0 || count > most_sizes) {
      fields_.fail(sizes, "calibration.sampling_size: expected 1 to " + std::to_string(most_sizes) +
                              " numbers, got " + std::to_string(count));
    }
  }

  void read_advance(const YAML::Node& node) {
    fields_.check_map(node, "quantization.advance", advance_keys);
    if (!given(node) || !given(node["bias_correction"])) return;
    fields_.choice(node["bias_correction"], "advance.bias_correction", bias_corrections);
    settings_.bias_correction = true;
  }

  Restriction restriction(const YAML::Node& node, const std::string& path) {
    fields_.check_map(node, path, part_keys);
    Restriction restricted;
    if (!given(node)) return restricted;
    restricted.line = static_cast<std::size_t>(node.Mark().line + 1);
    restricted.lists.weight = values(node["weight"], path + ".weight");
    restricted.lists.activation = values(node["activation"], path + ".activation");
    return restricted;
  }

  ValueLists values(const YAML::Node& node, const std::string& path) {
    fields_.check_map(node, path, leaf_keys);
    ValueLists lists;
    if (!given(node)) return lists;
    lists.dtype = leaf(node["dtype"], path + ".dtype", dtypes);
    lists.scheme = leaf(node["scheme"], path + ".scheme", schemes);
    lists.granularity = leaf(node["granularity"], path + ".granularity", granularities);
    lists.algorithm = leaf(node["algorithm"], path + ".algorithm", algorithms);
    if (given(node["bit"])) {
      for (const std::string& bit : fields_.list(node["bit"], path)) {
        if (parse_tolerance(bit) != 7.0) {
          fields_.fail(node["bit"], path + ".bit: expected 7.0, LPOT's word for weights in INT8");
        }
      }
    }
    return lists;
  }

  std::vector<std::string> leaf(const YAML::Node& node, const std::string& path, Keys known) {
    if (!given(node)) return {};
    std::vector<std::string> list = fields_.list(node, path);
    for (const std::string& value : list) {
      if (std::find(known.begin(), known.end(), value) == known.end()) {
        std::string expected;
        for (const std::string_view name : known) {
          expected += (expected.empty() ? "" : ", ") + std::string(name);
        }
        fields_.fail(node, path + ": expected values of " + expected + ", got \"" +
                               loaders::printable(value) + "\"");
      }
    }
    return list;
  }

  void read_op_wise(const YAML::Node& node) {
    if (!given(node)) return;
    if (!node.IsMap()) fields_.fail(node, "quantization.op_wise: expected names of operations");
    for (const auto& entry : node) {
      const std::string pattern = fields_.text(entry.first, "quantization.op_wise");
      try {
        names_operation(pattern, "", settings_.space.dialect);
      } catch (const Error& error) {
        fields_.fail(entry.first, error.what());
      }
      Restriction restricted = restriction(entry.second, "op_wise " + loaders::printable(pattern));
      restricted.pattern = pattern;
      restricted.line = static_cast<std::size_t>(entry.first.Mark().line + 1);
      settings_.space.op_wise.push_back(std::move(restricted));
    }
  }

  void read_tuning(const YAML::Node& node) {
    settings_.strategy = find_strategy("basic");
    if (!given(node)) return;
    fields_.check_map(node, "tuning", tuning_keys);
    read_strategy(node["strategy"]);
    read_criterion(node["accuracy_criterion"]);
    read_exit_policy(node["exit_policy"]);
    if (given(node["objective"])) {
      const auto objective = find_objective(fields_.text(node["objective"], "tuning.objective"));
      if (!objective) {
        fields_.fail(node["objective"],
                     "tuning.objective: expected one of performance, footprint, modelsize, got \"" +
                         loaders::printable(node["objective"].Scalar()) + "\"");
      }
      settings_.goal.objective = *objective;
    }
    if (given(node["random_seed"])) {
      settings_.seed = fields_.whole_number(node["random_seed"], "tuning.random_seed");
    }
    if (given(node["tensorboard"]) && fields_.boolean(node["tensorboard"], "tuning.tensorboard")) {
      fields_.fail(node["tensorboard"], "tuning.tensorboard: expected false: bertq writes none");
    }
    const YAML::Node workspace = node["workspace"];
    fields_.check_map(workspace, "tuning.workspace", workspace_keys);
    if (!given(workspace)) return;
    if (given(workspace["path"])) {
      settings_.workspace = fields_.text(workspace["path"], "tuning.workspace.path");
    }
    if (given(workspace["resume"])) {
      settings_.resume = true;
      settings_.notes.push_back(
          "tuning.workspace.resume: as --resume; LPOT's own snapshots are "
          "not read");
    }
  }

  // A map with a name, or the name alone.
  void read_strategy(const YAML::Node& node) {
    if (!given(node)) return;
    if (node.IsMap()) fields_.check_map(node, "tuning.strategy", strategy_keys);
    const YAML::Node name = node.IsMap() ? node["name"] : node;
    if (!given(name)) fields_.fail(node, "tuning.strategy: \"name\" is missing");
    const std::string text = fields_.text(name, "tuning.strategy");
    settings_.strategy = find_strategy(text);
    if (settings_.strategy != nullptr) return;
    std::string known;
    for (const Strategy& strategy : all_strategies()) {
      known += (known.empty() ? "" : ", ") + std::string(strategy.name);
    }
    fields_.fail(name, "tuning.strategy: expected one of " + known + ", got \"" +
                           loaders::printable(text) + "\"");
  }

  void read_criterion(const YAML::Node& node) {
    if (!given(node)) return;
    fields_.check_map(node, "tuning.accuracy_criterion", criterion_keys);
    const bool relative = given(node["relative"]), absolute = given(node["absolute"]);
    if (relative == absolute) {
      fields_.fail(node, "tuning.accuracy_criterion: expected one of relative and absolute, got " +
                             std::string(relative ? "both" : "none"));
    }
    const YAML::Node value = relative ? node["relative"] : node["absolute"];
    const std::string path =
        relative ? "accuracy_criterion.relative" : "accuracy_criterion.absolute";
    const auto tolerance = parse_tolerance(fields_.text(value, path));
    if (!tolerance || (relative && std::fabs(*tolerance) >= 1.0)) {
      fields_.fail(value, path + ": expected " +
                              std::string(relative ? "a number between -1 and 1" : "a number") +
                              ", or a percentage, got \"" + loaders::printable(value.Scalar()) +
                              "\"");
    }
    settings_.goal.relative = relative;
    settings_.goal.tolerance = *tolerance;
    if (given(node["higher_is_better"])) {
      settings_.goal.higher_is_better =
          fields_.boolean(node["higher_is_better"], "accuracy_criterion.higher_is_better");
    }
  }

  void read_exit_policy(const YAML::Node& node) {
    if (!given(node)) return;
    fields_.check_map(node, "tuning.exit_policy", exit_keys);
    if (given(node["timeout"])) {
      const auto seconds = fields_.whole_number(node["timeout"], "exit_policy.timeout");
      settings_.exit.timeout_seconds =
          static_cast<double>(std::min<std::uint64_t>(seconds, longest_timeout));
    }
    if (given(node["max_trials"])) {
      settings_.exit.max_trials =
          fields_.whole_number(node["max_trials"], "exit_policy.max_trials");
      if (settings_.exit.max_trials == 0) {
        fields_.fail(node["max_trials"], "exit_policy.max_trials: expected at least 1, got 0");
      }
    }
    if (given(node["performance_only"])) {
      settings_.exit.performance_only =
          fields_.boolean(node["performance_only"], "exit_policy.performance_only");
    }
  }

  YamlFields fields_;
  LpotSettings settings_;
};

// LPOT's way of taking lists of maps for maps.
std::string without_dashes(std::string_view yaml) {
  std::string text(yaml);
  for (std::size_t at = 0; (at = text.find("- ", at)) != std::string::npos; ++at) text[at] = ' ';
  return text;
}

}  // namespace

LpotSettings parse_lpot_settings(std::string_view yaml, const std::string& name) {
  try {
    const YAML::Node root = YAML::Load(without_dashes(yaml));
    return LpotReader(name).read(root);
  } catch (const YAML::Exception& error) {
    const std::string line =
        error.mark.is_null() ? "" : "line " + std::to_string(error.mark.line + 1) + ": ";
    throw Error(ErrorKind::input,
                name + ": " + line + "expected YAML: " + loaders::printable(error.msg));
  }
}

}  // namespace bertq::engine
