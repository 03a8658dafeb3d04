#include "engine/tuning/lpot_settings.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "engine/small_space.h"
#include "support/thrown_message.h"

namespace bertq::testing {
using namespace engine;
namespace {

// As LPOT's own examples for BERT print them.
const std::string pytorch_seed =
    "model:\n"
    "  name: bert\n"
    "  framework: pytorch\n"
    "\n"
    "device: cpu\n"
    "\n"
    "tuning:\n"
    "    accuracy_criterion:\n"
    "      relative: 0.01\n"
    "    exit_policy:\n"
    "      timeout: 0\n"
    "      max_trials: 300\n"
    "    random_seed: 9527\n";
const std::string tensorflow_seed =
    "model: \n"
    "  name: bert\n"
    "  framework: tensorflow\n"
    "  inputs: input_file, batch_size\n"
    "  outputs: IteratorGetNext:3, unstack:0, unstack:1\n"
    "\n"
    "quantization:            \n"
    "  calibration:\n"
    "    sampling_size: 500\n"
    "  model_wise:\n"
    "    weight:\n"
    "      granularity: per_channel\n"
    "  op_wise: {\n"
    "             'MatMul': {\n"
    "               'activation':  {'dtype': ['fp32']},\n"
    "               'weight':  {'dtype': ['fp32']},\n"
    "             }\n"
    "           }\n"
    "tuning:\n"
    "  accuracy_criterion:\n"
    "    relative:  0.01   \n"
    "  exit_policy:\n"
    "    timeout: 0       \n"
    "    max_trials: 100 \n"
    "  random_seed: 9527\n"
    "\n";

LpotSettings parse(const std::string& yaml) {
  return parse_lpot_settings(yaml, "x.yaml");
}

TEST_CASE("the PyTorch example as it stands") {
  const LpotSettings settings = parse(pytorch_seed);
  CHECK(settings.model_name == "bert");
  CHECK(settings.space.dialect == Dialect::pytorch);
  CHECK(settings.space.approach == Approach::static_ranges);
  CHECK(settings.space.sampling_sizes == std::vector<std::size_t>{100});
  CHECK(settings.strategy->name == "basic");
  CHECK(settings.goal.relative);
  CHECK(settings.goal.tolerance == 0.01);
  CHECK(settings.goal.higher_is_better);
  CHECK(settings.exit.timeout_seconds == 0.0);
  CHECK(settings.exit.max_trials == 300);
  CHECK(settings.seed == 9527);
  CHECK_FALSE(settings.workspace);
}

TEST_CASE("the TensorFlow example as it stands: its MatMul is the head of SQuAD alone") {
  const LpotSettings settings = parse(tensorflow_seed);
  CHECK(settings.inputs == std::vector<std::string>{"input_file", "batch_size"});
  CHECK(settings.outputs.size() == 3);
  CHECK(settings.space.sampling_sizes == std::vector<std::size_t>{500});
  Heads heads;
  heads.span = true;
  const TuningSpace space = make_space(small_config(), heads, settings.space);
  for (const TunableModule& module : space.modules) {
    CHECK(has_int8(module) == (module.name != "qa_outputs"));
  }
  // LPOT's TensorFlow has no weights per channel: the restriction is an empty cut, so it is none.
  CHECK(space.linear.front().weights == Granularity::per_tensor);
}

TEST_CASE("everything that can be said") {
  const LpotSettings settings = parse(R"(
model: {name: mine, framework: pytorch}
quantization:
  approach: post_training_dynamic_quant
  advance: {bias_correction: weight_empirical}
  calibration:
    sampling_size: 50, 100
    dataloader: {batch_size: 8, dataset: {bert: {root: x, label_file: y}}}
  recipes: {scale_propagation_concat: true}
  model_wise:
    weight: {granularity: per_channel, scheme: sym, dtype: int8, algorithm: minmax, bit: 7.0}
    activation: {dtype: [uint8, fp32], algorithm: kl}
  op_wise:
    bert.pooler.dense:
      weight:
        dtype:
          - fp32
      activation:
        dtype: [fp32]
tuning:
  strategy: {name: mse}
  accuracy_criterion: {absolute: 5%, higher_is_better: false}
  objective: modelsize
  exit_policy: {timeout: 3600, max_trials: 7, performance_only: true}
  random_seed: 3
  tensorboard: false
  workspace: {path: ./here, resume: ./here/history.snapshot}
evaluation: {accuracy: {metric: {F1: }}}
)");
  CHECK(settings.space.approach == Approach::dynamic_ranges);
  CHECK(settings.bias_correction);
  CHECK(settings.space.sampling_sizes == std::vector<std::size_t>{50, 100});
  CHECK(settings.space.model_wise.lists.activation.dtype ==
        std::vector<std::string>{"uint8", "fp32"});
  REQUIRE(settings.space.op_wise.size() == 1);
  CHECK(settings.space.op_wise[0].pattern == "bert.pooler.dense");
  CHECK(settings.space.op_wise[0].line == 14);
  CHECK(settings.space.op_wise[0].lists.weight.dtype == std::vector<std::string>{"fp32"});
  CHECK(settings.strategy->name == "mse");
  CHECK_FALSE(settings.goal.relative);
  CHECK(settings.goal.tolerance == doctest::Approx(0.05));
  CHECK_FALSE(settings.goal.higher_is_better);
  CHECK(settings.goal.objective == Objective::size);
  CHECK(settings.exit.timeout_seconds == 3600.0);
  CHECK(settings.exit.max_trials == 7);
  CHECK(settings.exit.performance_only);
  CHECK(settings.workspace == "./here");
  CHECK(settings.resume);
  CHECK(settings.notes.size() == 4);
}

TEST_CASE("lists of maps count as maps, as LPOT reads them") {
  const LpotSettings settings = parse(
      "model:\n  - name: bert\n  - framework: pytorch\n"
      "tuning:\n  - random_seed: 5\n  - strategy: random\n");
  CHECK(settings.seed == 5);
  CHECK(settings.strategy->name == "random");
}

TEST_CASE("what is wrong is named with its line") {
  const std::string model = "model: {name: b, framework: pytorch}\n";
  struct Case {
    std::string yaml, message;
  };
  const Case cases[] = {
      {"", "x.yaml: expected keys model, quantization, tuning"},
      {"[1, 2]",
       "x.yaml: line 1: the file: expected keys (model, device, quantization, tuning, "
       "evaluation, pruning, graph_optimization)"},
      {"device: cpu\n", "x.yaml: line 1: \"model\" is missing"},
      {"model: {name: b}\n", "x.yaml: line 1: model: \"framework\" is missing"},
      {"model: {name: b, framework: mxnet}\n",
       "x.yaml: line 1: model.framework: expected one of pytorch, tensorflow, got \"mxnet\""},
      {model + "device: gpu\n", "x.yaml: line 2: device: expected one of cpu, got \"gpu\""},
      {model + "tunning: {}\n",
       "x.yaml: line 2: the file: unknown key \"tunning\"; expected one of model, device, "
       "quantization, tuning, evaluation, pruning, graph_optimization"},
      {model + "tuning:\n  stratgy: basic\n",
       "x.yaml: line 3: tuning: unknown key \"stratgy\"; expected one of strategy, "
       "accuracy_criterion, objective, exit_policy, random_seed, tensorboard, workspace"},
      {model + "tuning:\n  strategy:\n    name: tpe\n",
       "x.yaml: line 4: tuning.strategy: expected one of sensitivity, basic, mse, exhaustive, "
       "random, bayesian, got \"tpe\""},
      {model + "tuning: {accuracy_criterion: {}}\n",
       "x.yaml: line 2: tuning.accuracy_criterion: expected one of relative and absolute, got "
       "none"},
      {model + "tuning:\n  accuracy_criterion: {relative: 1%, absolute: 1}\n",
       "x.yaml: line 3: tuning.accuracy_criterion: expected one of relative and absolute, got "
       "both"},
      {model + "tuning: {accuracy_criterion: {relative: 1}}\n",
       "x.yaml: line 2: accuracy_criterion.relative: expected a number between -1 and 1, or a "
       "percentage, got \"1\""},
      {model + "tuning: {accuracy_criterion: {absolute: much}}\n",
       "x.yaml: line 2: accuracy_criterion.absolute: expected a number, or a percentage, got "
       "\"much\""},
      {model + "tuning: {exit_policy: {timeout: -1}}\n",
       "x.yaml: line 2: exit_policy.timeout: expected a whole number, got \"-1\""},
      {model + "tuning: {exit_policy: {max_trials: 0}}\n",
       "x.yaml: line 2: exit_policy.max_trials: expected at least 1, got 0"},
      {model + "tuning: {objective: speed}\n",
       "x.yaml: line 2: tuning.objective: expected one of performance, footprint, modelsize, got "
       "\"speed\""},
      {model + "tuning: {tensorboard: true}\n",
       "x.yaml: line 2: tuning.tensorboard: expected false: bertq writes none"},
      {model + "quantization: {approach: quant_aware_training}\n",
       "x.yaml: line 2: quantization.approach: quant_aware_training is training, which tuning is "
       "not; expected one of post_training_static_quant, post_training_dynamic_quant"},
      {model + "quantization: {model_wise: {weight: {dtype: int4}}}\n",
       "x.yaml: line 2: quantization.model_wise.weight.dtype: expected values of int8, uint8, "
       "fp32, "
       "bf16, got \"int4\""},
      {model + "quantization: {model_wise: {activation: {bits: 8}}}\n",
       "x.yaml: line 2: quantization.model_wise.activation: unknown key \"bits\"; expected one of "
       "dtype, scheme, granularity, algorithm, bit"},
      {model + "quantization: {model_wise: {weight: {bit: 4.0}}}\n",
       "x.yaml: line 2: quantization.model_wise.weight.bit: expected 7.0, LPOT's word for weights "
       "in INT8"},
      {model + "quantization: {calibration: {sampling_size: 0}}\n",
       "x.yaml: line 2: calibration.sampling_size: expected whole numbers from 1, got \"0\""},
      {model + "quantization: {calibration: {sampling_size: []}}\n",
       "x.yaml: line 2: calibration.sampling_size: expected 1 to 16 numbers, got 0"},
      {model + "quantization:\n  op_wise: {'(': {}}\n",
       "x.yaml: line 3: op_wise: expected a name or a regular expression of at most 200 characters "
       "without back references, got ("},
      {model + "pruning: {}\n", "x.yaml: line 2: pruning: bertq does not prune"},
      {model + "device: !!python/object/apply:os.system [ls]\n",
       "x.yaml: line 2: expected no tags, got tag:yaml.org,2002:python/object/apply:os.system"},
      {model + "tuning: {random_seed: 1, random_seed: 2}\n",
       "x.yaml: line 2: tuning: key \"random_seed\" appears twice"},
  };
  for (const Case& wrong : cases) {
    CHECK(thrown_message<Error>([&] { parse(wrong.yaml); }) == wrong.message);
  }
}

TEST_CASE("what is no YAML, and what is too deep of it") {
  for (const std::string& yaml :
       {std::string("model: {name"), std::string("a: b: c"), std::string("\t- x"),
        std::string(100'000, '['), std::string(100'000, '{')}) {
    const std::string message = thrown_message<Error>([&] { parse(yaml); });
    CHECK(message.starts_with("x.yaml: "));
  }
}

}  // namespace
}  // namespace bertq::testing
