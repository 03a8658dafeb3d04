#include "engine/tuning/tuning_space.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "engine/small_space.h"
#include "engine/tuning/operation_names.h"
#include "support/thrown_message.h"

namespace bertq::testing {
using namespace engine;
namespace {

using Texts = std::vector<std::string>;

Texts texts_of(const std::vector<LayerOption>& options) {
  Texts texts;
  for (const LayerOption& option : options) texts.push_back(option_text(option));
  return texts;
}

TEST_CASE("LPOT's order of a linear layer's options, in PyTorch and TensorFlow") {
  const auto options = [](Dialect dialect, Approach approach) {
    return texts_of(expand(capability(dialect, approach, ModuleKind::linear), dialect));
  };
  CHECK(options(Dialect::pytorch, Approach::static_ranges) ==
        Texts{"int8 static asymmetric histogram", "int8 static asymmetric minmax",
              "int8 static symmetric histogram", "int8 static symmetric minmax", "fp32"});
  CHECK(options(Dialect::pytorch, Approach::dynamic_ranges) == Texts{"int8 dynamic", "fp32"});
  CHECK(options(Dialect::tensorflow, Approach::static_ranges) ==
        Texts{"int8 static asymmetric minmax, per-tensor weights", "fp32"});
}

TEST_CASE("bertq's own options: fixed and dynamic ranges, each once, FP32 last") {
  const auto options =
      expand(capability(Dialect::bertq, Approach::any, ModuleKind::linear), Dialect::bertq);
  CHECK(texts_of(options).front() == "int8 static asymmetric minmax");
  CHECK(texts_of(options).back() == "fp32");
  CHECK(std::count(options.begin(), options.end(), LayerOption{}) == 1);
  for (const ModuleKind kind : {ModuleKind::attention, ModuleKind::embedding}) {
    CHECK(texts_of(expand(capability(Dialect::bertq, Approach::any, kind), Dialect::bertq)) ==
          Texts{"int8 dynamic", "fp32"});
  }
}

TEST_CASE("restrictions are cut with the capability, in the user's order; an empty cut is none") {
  OperationLists lists = capability(Dialect::pytorch, Approach::static_ranges, ModuleKind::linear);
  OperationLists user;
  user.activation.algorithm = {"minmax", "kl"};
  user.activation.scheme = {"sym", "asym_float"};
  user.weight.granularity = {"per_tensor"};  // LPOT's PyTorch has none
  restrict_lists(user, lists);
  CHECK(lists.activation.algorithm == Texts{"minmax", "kl"});
  CHECK(lists.activation.scheme == Texts{"sym"});
  CHECK(lists.weight.granularity == Texts{"per_channel"});
  CHECK(texts_of(expand(lists, Dialect::pytorch)) ==
        Texts{"int8 static symmetric minmax", "int8 static symmetric histogram", "fp32"});
}

TEST_CASE("mixtures of INT8 and FP32 are no options") {
  OperationLists lists = capability(Dialect::pytorch, Approach::static_ranges, ModuleKind::linear);
  lists.weight.dtype = {"fp32"};
  CHECK(texts_of(expand(lists, Dialect::pytorch)) == Texts{"fp32"});
  lists.activation.dtype = {"uint8"};
  CHECK(expand(lists, Dialect::pytorch).empty());
}

TEST_CASE("the modules of a model, in the order of the forward pass") {
  const TuningSpace space = small_space({});
  Texts names;
  for (const TunableModule& module : space.modules) names.push_back(module.name);
  CHECK(names.size() == 1 + 2 * 8 + 2);
  CHECK(names[0] == "bert.embeddings.word_embeddings");
  CHECK(names[1] == "bert.encoder.layer.0.attention.self.query");
  CHECK(names[4] == "bert.encoder.layer.0.attention.scores");
  CHECK(names[16] == "bert.encoder.layer.1.output.dense");
  CHECK(names[17] == "bert.pooler.dense");
  CHECK(names[18] == "classifier");
  CHECK(space.index_of("classifier") == 18);
  CHECK(space.index_of("nothing") == names.size());
  Heads span;
  span.span = true;
  CHECK(make_space(small_config(), span, {}).modules.back().name == "qa_outputs");
}

TEST_CASE("op_wise: an exact name, or a regular expression from the start") {
  const auto pinned = [](const std::string& pattern, Dialect dialect) {
    SpaceRequest request;
    request.dialect = dialect;
    request.source = "x.yaml";
    Restriction fp32{pattern, 7, {}};
    fp32.lists.weight.dtype = fp32.lists.activation.dtype = {"fp32"};
    request.op_wise = {fp32};
    Heads heads = classifier_heads();
    heads.span = true;
    const TuningSpace space = make_space(small_config(), heads, request);
    Texts names;
    for (const TunableModule& module : space.modules) {
      if (!has_int8(module)) names.push_back(module.name);
    }
    return names;
  };
  // The head of run_squad.py, not every operation of that type.
  CHECK(pinned("MatMul", Dialect::tensorflow) == Texts{"qa_outputs"});
  CHECK(pinned("bert/pooler/dense/MatMul", Dialect::tensorflow) == Texts{"bert.pooler.dense"});
  CHECK(pinned("loss/MatMul", Dialect::tensorflow) == Texts{"classifier"});
  CHECK(pinned("bert/encoder/layer_1/attention/self/MatMul_1", Dialect::tensorflow) ==
        Texts{"bert.encoder.layer.1.attention.context"});
  CHECK(pinned("bert/encoder/layer_[01]/output/.*", Dialect::tensorflow) ==
        Texts{"bert.encoder.layer.0.output.dense", "bert.encoder.layer.1.output.dense"});
  CHECK(pinned(".*pooler.*", Dialect::pytorch) == Texts{"bert.pooler.dense"});
  CHECK(pinned("bert.encoder.layer.0.attention.self.mixed", Dialect::pytorch).size() == 3);
  CHECK(pinned("qa_outputs", Dialect::pytorch) == Texts{"qa_outputs"});
}

TEST_CASE("a pattern that names nothing is refused with its line") {
  SpaceRequest request;
  request.source = "x.yaml";
  for (const char* pattern :
       {"MatMul", "pooler", "bert.encoder.layer.2.output.dense", ".*lstm.*"}) {
    request.op_wise = {{pattern, 12, {}}};
    CHECK(thrown_message<Error>([&] { small_space(request); }) ==
          "x.yaml: line 12: op_wise: expected a name or pattern of operations of this model, got " +
              std::string(pattern));
  }
}

TEST_CASE("patterns that are none, and ones that would take for ever") {
  for (const std::string pattern : {"(", "*", "[z-a]", R"((a)\1)"}) {
    CAPTURE(pattern);
    CHECK_THROWS_AS(names_operation(pattern, "classifier", Dialect::pytorch), Error);
  }
  CHECK_THROWS_AS(names_operation(std::string(201, '*'), "classifier", Dialect::pytorch), Error);
  CHECK_FALSE(names_operation("(a*)*(a*)*(a*)*b", std::string(200, 'a'), Dialect::pytorch));
}

TEST_CASE("keys are canonical, and recipes say what a configuration does") {
  const TuningSpace space = small_space({});
  Configuration configuration{std::vector<std::uint16_t>(space.modules.size()), 0, 5};
  configuration.options[1] = 3;
  CHECK(configuration_key(configuration) == "0.3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0/0/5");
  const Recipe recipe = uncalibrated_recipe(space, configuration);
  CHECK(recipe.of("bert.encoder.layer.0.attention.scores").activations == Ranges::dynamic);
  CHECK(recipe.of("bert.pooler.dense").activations == Ranges::fixed);
  CHECK(recipe.entries().size() == space.modules.size());
}

}  // namespace
}  // namespace bertq::testing
